"""Ridge regression on a learned embedding."""

import keras
import tensorflow as tf

from keras_meta.heads.linear import classifier_head
from keras_meta.heads.ridge import predictive_variance, ridge
from keras_meta.learners.embedding_learner import EmbeddingLearner
from keras_meta.outer_loop.graph_constant import GraphConstant, count, non_negative, positive


@keras.saving.register_keras_serializable("keras_meta")
class RidgeLearner(EmbeddingLearner):
    """Learns an embedding on which ridge regression solves each task in closed form.

    With `X` the embedded support set and `Y` its targets, values or one-hot labels,

        W = argmin |X W - Y|^2 + l |W|^2 = X^T (X X^T + l I)^-1 Y
        predictions = f(x) W          values
        predictions = t f(x) W        logits of classes

    The derivative is exact. `l` and the scale `t` are learned. There is no intercept: the embedding
    can supply a constant feature instead. Values can have a mean `m` and a scale `s`, and a learned
    prior: weights `W_0` that all tasks share, which a task with few examples hardly leaves, and a
    constant feature `c`, by which tasks differ in level:

        W = argmin |[X, c] W - (Y - m) / s|^2 + l |W - W_0|^2
        predictions = s [f(x), c] W + m

    Args:
        model: A built `keras.Model` that embeds an example: features `[n, ...]` to vectors
            `[n, embedding]`.
        regularization: float. Initial `l`.
        num_ways: See `EmbeddingLearner`.
        num_values: int. Number of regression targets: labels are values, `[support]` or
            `[support, num_values]`. `None` for classification.
        learned_prior: bool. Whether `W_0` and `c` are learned, for regression; otherwise they are
            zero.
        target_mean: float. The mean `m` of the values.
        target_scale: float. The standard deviation `s` of the values.
        prior_noise: float. Noise variance of standardised values before a task is seen. Only the
            predictive variance depends on it: see `keras_meta.heads.ridge.predictive_variance`.
        prior_rows: float. The number of examples that `prior_noise` counts for.
        batch_norm: See `EmbeddingLearner`.
        task_map: See `MetaLearner`.
        seed: See `MetaLearner`.
        name: Optional name.

    Raises:
        ValueError: If the model does not output vectors, or an argument is invalid.

    Example:

    ```python
    import keras
    import keras_meta

    body = keras.Sequential([keras.Input((1,)), keras.layers.Dense(40, "tanh")])
    learner = keras_meta.learners.RidgeLearner(body, num_values=1)
    learner.compile("adam", "mse")
    waves = keras_meta.episodes.Sinusoid(num_shots=5)
    learner.fit(waves.as_dataset(batch_size=25), steps_per_epoch=5, verbose=0)
    (inputs, _), = waves.as_dataset(batch_size=1, num_batches=1)
    task = inputs["support_x"][0], inputs["support_y"][0], inputs["query_x"][0]
    mean, variance = learner.predict_with_variance(*task)
    ```

    Reference:
        [Bertinetto et al., 2019](https://arxiv.org/abs/1805.08136);
        [Harrison et al., 2018](https://arxiv.org/abs/1807.08912) (learned prior)
    """

    regularization = GraphConstant(positive("regularization"))
    num_values = GraphConstant(count("num_values", optional=True))
    target_scale = GraphConstant(positive("target_scale"))
    prior_noise = GraphConstant(positive("prior_noise"))
    prior_rows = GraphConstant(non_negative("prior_rows"))

    def __init__(
        self,
        model,
        regularization=1.0,
        num_ways=None,
        num_values=None,
        learned_prior=False,
        target_mean=0.0,
        target_scale=1.0,
        prior_noise=1.0,
        prior_rows=0.0,
        **kwargs,
    ):
        if num_ways is not None and num_values is not None:
            raise ValueError(
                "Pass `num_ways` for classification or `num_values` for regression, not both. "
                f"Received: num_ways={num_ways}, num_values={num_values}."
            )
        if num_values is None and (learned_prior or (target_mean, target_scale) != (0.0, 1.0)):
            raise ValueError(
                "`learned_prior`, `target_mean` and `target_scale` are for regression: state "
                f"`num_values`. Received: num_values=None, learned_prior={learned_prior}, "
                f"target_mean={target_mean}, target_scale={target_scale}."
            )
        super().__init__(model, num_ways, **kwargs)
        self.regularization = regularization
        self.num_values = num_values
        self.learned_prior = learned_prior
        self.target_mean = target_mean
        self.target_scale = target_scale
        self.prior_noise = prior_noise
        self.prior_rows = prior_rows
        self.log_regularization = self.add_log_weight("log_regularization", regularization)
        if num_values is None:
            self.log_scale = self.add_log_weight("log_scale", 10.0)
        elif learned_prior:
            shape = (self.embedding_shape[0] + 1, num_values)
            self.prior = self.add_weight(name="prior", shape=shape, initializer="zeros")
            self.log_constant = self.add_log_weight("log_constant", 1.0)

    def fit_head(self, features, targets):
        if self.num_values is not None:
            return self.head_of_values(self.fit_values(features, targets)[1])
        kernel = ridge(features, targets, tf.exp(self.log_regularization))
        return classifier_head(kernel, targets, tf.exp(self.log_scale))

    def fit_values(self, features, targets):
        """Returns what `W_0` leaves of standardised values, and `W - W_0`."""
        residuals = (targets - self.target_mean) / self.target_scale
        features = self.with_constant(features)
        if self.learned_prior:
            residuals -= tf.matmul(features, self.prior)
        return residuals, ridge(features, residuals, tf.exp(self.log_regularization))

    def head_of_values(self, weights):
        """Returns the head `[s W, m]` of weights `W - W_0`, with the constant in the bias."""
        mean = tf.fill([self.num_values], tf.cast(self.target_mean, weights.dtype))
        if not self.learned_prior:
            return [self.target_scale * weights, mean]
        weights = self.target_scale * (weights + self.prior)
        return [weights[:-1], mean + tf.exp(self.log_constant) * weights[-1]]

    def with_constant(self, features):
        """Returns `[X, c]`, or `X` if there is no learned prior."""
        if not self.learned_prior:
            return features
        constant = tf.exp(self.log_constant) * tf.ones_like(features[:, :1])
        return tf.concat([features, constant], 1)

    def predict_task_with_variance(self, support_x, support_y, query_x, prior=None):
        """Predicts values of one task and their variance, in a graph.

        See `predict_with_variance`, which checks its arguments. `prior` may replace `prior_noise`
        and `prior_rows`, for which the graph would be traced again.
        """
        prior_noise, prior_rows = (self.prior_noise, self.prior_rows) if prior is None else prior
        state, embedded = self.adapt_and_embed(support_x, support_y)
        queries = self.run(
            self.features,
            query_x,
            self.statistics.queries(state, training=False),
            state["statistics"],
        ).predictions
        residuals, weights = self.fit_values(embedded.predictions, self.targets(support_y))
        variance = predictive_variance(
            self.with_constant(embedded.predictions),
            residuals,
            weights,
            self.with_constant(queries),
            tf.exp(self.log_regularization),
            prior_noise,
            prior_rows,
        )
        return self.score(queries, state["head"]), self.target_scale**2 * variance

    def predict_with_variance(self, support_x, support_y, query_x):
        """Predicts values and their variance by Bayesian linear regression.

        The learned `l` is the ratio of noise variance to prior variance; the noise variance itself
        is estimated from the support set, and from `prior_noise` if that counts for any examples:
        see `keras_meta.heads.ridge.predictive_variance`.

        Args:
            support_x: Features `[support, ...]` of one task.
            support_y: Values `[support]` or `[support, num_values]`.
            query_x: Features `[query, ...]`.

        Returns:
            Tuple `(mean, variance)` of tensors `[query, num_values]`; the variance includes the
            noise variance.

        Raises:
            ValueError: If the learner classifies.
        """
        if self.num_values is None:
            raise ValueError(
                "The predictive variance is defined for regression only: state `num_values`. "
                "Received: num_values=None."
            )
        support_x, support_y = self.check_support(support_x, support_y)
        query_x = keras.tree.map_structure(keras.ops.convert_to_tensor, query_x)
        return self.predict_task_with_variance(support_x, support_y, query_x)

    def get_config(self):
        return {
            **super().get_config(),
            "regularization": self.regularization,
            "num_values": self.num_values,
            "learned_prior": self.learned_prior,
            "target_mean": self.target_mean,
            "target_scale": self.target_scale,
            "prior_noise": self.prior_noise,
            "prior_rows": self.prior_rows,
        }
