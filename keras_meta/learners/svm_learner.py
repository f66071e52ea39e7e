"""A support vector machine on a learned embedding."""

import keras
import tensorflow as tf

from keras_meta.heads.linear import classifier_head
from keras_meta.heads.support_vector_machine import support_vector_machine
from keras_meta.learners.embedding_learner import EmbeddingLearner
from keras_meta.outer_loop.graph_constant import GraphConstant, positive


@keras.saving.register_keras_serializable("keras_meta")
class SVMLearner(EmbeddingLearner):
    """Learns an embedding on which a multi-class support vector machine solves each task.

        W = argmin  1/2 |W|^2 + C sum_i max(0, 1 + max_{j != y_i} f(x_i) w_j - f(x_i) w_{y_i})
        logits = t f(x) W

    The quadratic program is solved in the dual and differentiated at its solution, not through the
    iterations. The scale `t` is learned.

    Args:
        model: A built `keras.Model` that embeds an example: features `[n, ...]` to vectors
            `[n, embedding]`.
        penalty: float. `C`, the weight of margin violations.
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
    learner = keras_meta.learners.SVMLearner(body)
    learner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    learner.fit(tasks.as_dataset(batch_size=4), steps_per_epoch=5, verbose=0)
    ```

    Reference:
        [Lee et al., 2019](https://arxiv.org/abs/1904.03758)
    """

    penalty = GraphConstant(positive("penalty"))

    def __init__(self, model, penalty=0.1, num_ways=None, **kwargs):
        super().__init__(model, num_ways, **kwargs)
        self.penalty = penalty
        self.log_scale = self.add_log_weight("log_scale", 10.0)

    def fit_head(self, features, one_hot):
        kernel = support_vector_machine(features, one_hot, self.penalty)
        return classifier_head(kernel, one_hot, tf.exp(self.log_scale))

    def get_config(self):
        return {**super().get_config(), "penalty": self.penalty}
