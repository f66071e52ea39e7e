"""Logistic regression on a learned embedding."""

import keras
import tensorflow as tf

from keras_meta.heads.linear import classifier_head
from keras_meta.heads.logistic_regression import logistic_regression
from keras_meta.learners.embedding_learner import EmbeddingLearner
from keras_meta.outer_loop.graph_constant import GraphConstant, positive


@keras.saving.register_keras_serializable("keras_meta")
class LogisticLearner(EmbeddingLearner):
    """Learns an embedding on which multinomial logistic regression solves each task.

        W = argmin  sum_i cross-entropy(y_i, softmax(f(x_i) W)) + l/2 |W|^2
        logits = f(x) W

    Newton's method finds the minimum, and the derivative is the exact derivative of the minimum.
    `l` is learned. There is no intercept: the embedding can supply a constant feature instead.

    Args:
        model: A built `keras.Model` that embeds an example: features `[n, ...]` to vectors
            `[n, embedding]`.
        regularization: float. Initial `l`.
        num_ways: See `EmbeddingLearner`.
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

    tasks = keras_meta.episodes.StrokeGlyphs(num_ways=3, num_shots=1, num_queries=2, num_classes=9)
    body = keras_meta.networks.Conv4(filters=8)
    learner = keras_meta.learners.LogisticLearner(body)
    learner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    learner.fit(tasks.as_dataset(batch_size=4), steps_per_epoch=5, verbose=0)
    ```

    Reference:
        [Bertinetto et al., 2019](https://arxiv.org/abs/1805.08136)
    """

    regularization = GraphConstant(positive("regularization"))

    def __init__(self, model, regularization=1.0, num_ways=None, **kwargs):
        super().__init__(model, num_ways, **kwargs)
        self.regularization = regularization
        self.log_regularization = self.add_log_weight("log_regularization", self.regularization)

    def fit_head(self, features, one_hot):
        kernel = logistic_regression(features, one_hot, tf.exp(self.log_regularization))
        return classifier_head(kernel, one_hot)

    def get_config(self):
        return {**super().get_config(), "regularization": self.regularization}
