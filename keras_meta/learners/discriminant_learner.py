"""Linear discriminant analysis on a learned embedding."""

import keras
import tensorflow as tf

from keras_meta.heads.dual import double
from keras_meta.heads.linear import class_means, mask_absent_classes
from keras_meta.heads.ridge import ridge
from keras_meta.learners.embedding_learner import EmbeddingLearner
from keras_meta.outer_loop.graph_constant import GraphConstant, positive


@keras.saving.register_keras_serializable("keras_meta")
class DiscriminantLearner(EmbeddingLearner):
    """Learns an embedding on which linear discriminant analysis learns a task.

    With `c_n` the mean of the `N_n` embedded support examples of class `n`, `N` examples in all,
    and a shrinkage `s` between 0 and 1,

        S = sum over i of (f(x_i) - c_{y_i}) (f(x_i) - c_{y_i})^T / N      within the classes
        C = (1 - s) S + s I                                                shrunk
        logit n = t (c_n C^-1 f(x) - c_n C^-1 c_n / 2)

    With `t = 1` these are the log-probabilities of equally frequent Gaussian classes with the
    covariance `C`, up to a term that all classes share: a direction in which examples of the same
    class differ counts less than one in which they agree. `s` and the scale `t` are learned. With
    one example for each class, `S` is zero, and `s = 1/2, t = 1` is a prototypical network.

    Args:
        model: A built `keras.Model` that embeds an example: features `[n, ...]` to vectors
            `[n, embedding]`.
        shrinkage: float. Initial `s`.
        num_ways: See `EmbeddingLearner`.
        batch_norm: See `EmbeddingLearner`.
        task_map: See `MetaLearner`.
        seed: See `MetaLearner`.
        name: Optional name.

    Raises:
        ValueError: If the model gives no vectors, or an argument is invalid.

    Example:

    ```python
    import keras
    import keras_meta

    tasks = keras_meta.episodes.StrokeGlyphs(num_ways=3, num_shots=2, num_queries=2, num_classes=9)
    body = keras_meta.networks.Conv4(filters=8)
    learner = keras_meta.learners.DiscriminantLearner(body)
    learner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    learner.fit(tasks.as_dataset(batch_size=4), steps_per_epoch=5, verbose=0)
    ```

    Reference:
        [Fisher, 1936](https://doi.org/10.1111/j.1469-1809.1936.tb02137.x);
        [Friedman, 1989](https://doi.org/10.1080/01621459.1989.10478752), shrinkage
    """

    shrinkage = GraphConstant(positive("shrinkage"))

    def __init__(self, model, shrinkage=0.5, num_ways=None, **kwargs):
        super().__init__(model, num_ways, **kwargs)
        self.shrinkage = shrinkage
        if self.shrinkage >= 1:
            raise ValueError(
                "`shrinkage` must be between 0, the covariance of the support set alone, and 1, "
                f"the identity alone. Received: shrinkage={shrinkage!r}."
            )
        self.log_odds = self.add_log_weight("log_odds", self.shrinkage / (1.0 - self.shrinkage))
        self.log_scale = self.add_log_weight("log_scale", 1.0)

    def fit_head(self, features, one_hot):
        x, y, log_odds, scale = double(features, one_hot, self.log_odds, tf.exp(self.log_scale))
        means, present = class_means(x, y)
        # With D the deviations from the class means, (1 - s) S + s I = s (I + D^T D / p). Applied
        # to the means, its inverse takes away what ridge regression predicts of them from D.
        deviations = x - tf.matmul(y, means, transpose_b=True)
        penalty = tf.cast(tf.shape(x)[0], x.dtype) * tf.exp(log_odds)
        explained = ridge(deviations, tf.matmul(deviations, means), penalty)
        kernel = scale * (means - explained) / tf.sigmoid(log_odds)
        bias = -0.5 * tf.reduce_sum(means * kernel, 0)
        # Like squared distances, the scores have no bound.
        bias = mask_absent_classes(bias, present, never=-1e9)
        return [tf.cast(tensor, features.dtype) for tensor in (kernel, bias)]

    def get_config(self):
        return {**super().get_config(), "shrinkage": self.shrinkage}
