"""Ridge regression on a learned embedding."""

import keras
import tensorflow as tf

from keras_meta.heads.linear import classifier_head
from keras_meta.heads.ridge import predictive_variance, ridge
from keras_meta.learners.embedding_learner import EmbeddingLearner
from keras_meta.outer_loop.graph_constant import GraphConstant, count, positive


@keras.saving.register_keras_serializable("keras_meta")
class RidgeLearner(EmbeddingLearner):
    """Learns an embedding on which ridge regression solves each task in closed form.

    With `X` the embedded support set and `Y` its targets, values or one-hot labels,

        W = argmin |X W - Y|^2 + l |W|^2 = X^T (X X^T + l I)^-1 Y
        predictions = f(x) W          values
        predictions = t f(x) W        logits of classes

    The derivative is exact. `l` and the scale `t` are learned. There is no intercept: the embedding
    can supply a constant feature instead.

    Args:
        model: A built `keras.Model` that embeds an example: features `[n, ...]` to vectors
            `[n, embedding]`.
        regularization: float. Initial `l`.
        num_ways: See `EmbeddingLearner`.
        num_values: int. Number of regression targets: labels are values, `[support]` or
            `[support, num_values]`. `None` for classification.
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
        [Bertinetto et al., 2019](https://arxiv.org/abs/1805.08136)
    """

    regularization = GraphConstant(positive("regularization"))
    num_values = GraphConstant(count("num_values", optional=True))

    def __init__(self, model, regularization=1.0, num_ways=None, num_values=None, **kwargs):
        if num_ways is not None and num_values is not None:
            raise ValueError(
                "Pass `num_ways` for classification or `num_values` for regression, not both. "
                f"Received: num_ways={num_ways}, num_values={num_values}."
            )
        super().__init__(model, num_ways, **kwargs)
        self.regularization = regularization
        self.num_values = num_values
        self.log_regularization = self.add_log_weight("log_regularization", regularization)
        if num_values is None:
            self.log_scale = self.add_log_weight("log_scale", 10.0)

    def fit_head(self, features, targets):
        kernel = ridge(features, targets, tf.exp(self.log_regularization))
        if self.num_values is not None:
            return [kernel, tf.zeros_like(kernel[0])]
        return classifier_head(kernel, targets, tf.exp(self.log_scale))

    def predict_with_variance(self, support_x, support_y, query_x):
        """Predicts values and their variance by Bayesian linear regression.

        The learned `l` is the ratio of noise variance to prior variance; the noise variance itself
        is estimated from the support set: see `keras_meta.heads.ridge.predictive_variance`.

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
        state, embedded = self.adapt_and_embed(support_x, support_y)
        queries = self.run(
            self.features,
            keras.tree.map_structure(keras.ops.convert_to_tensor, query_x),
            self.statistics.queries(state, training=False),
            state["statistics"],
        ).predictions
        variance = predictive_variance(
            embedded.predictions,
            self.targets(support_y),
            state["head"][0],
            queries,
            tf.exp(self.log_regularization),
        )
        return self.score(queries, state["head"]), variance

    def get_config(self):
        return {
            **super().get_config(),
            "regularization": self.regularization,
            "num_values": self.num_values,
        }
