"""Attention over the support examples in a learned embedding."""

import keras
import tensorflow as tf

from keras_meta.layers import CosineAttention
from keras_meta.learners.embedding_learner import EmbeddingLearner
from keras_meta.outer_loop.graph_constant import count


@keras.saving.register_keras_serializable("keras_meta")
class MatchingNetwork(EmbeddingLearner):
    """Learns an embedding in which an example is near the support examples of its class.

    With embedded support examples `g_i` and their one-hot labels `y_i`,

        p(x) = sum_i a_i y_i,    a = softmax_i(t cos(f(x), g_i)),    t learned

    Predictions are logits, `log p`. The paper fixes `t = 1`, so that no class can get a probability
    near 1.

    With `processing_steps`, embeddings are conditioned on the whole support set ("full context
    embeddings"). Support embeddings `f_i` become

        g_i = f_i + forward_i + backward_i       (LSTMs over the support set, in the order given)

    and each query attends to the `g_i` in `processing_steps` steps of an LSTM. See
    `keras_meta.layers.CosineAttention`.

    Args:
        model: A built `keras.Model` that embeds an example: features `[n, ...]` to vectors
            `[n, embedding]`.
        processing_steps: int. Number of LSTM steps in which a query attends to the support set; 0
            for embeddings without context.
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
    learner = keras_meta.learners.MatchingNetwork(body, processing_steps=2)
    learner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    learner.fit(tasks.as_dataset(batch_size=2), steps_per_epoch=2, verbose=0)
    ```

    Reference:
        [Vinyals et al., 2016](https://arxiv.org/abs/1606.04080)
    """

    head_names = ("features", "one_hot")

    def __init__(self, model, processing_steps=0, num_ways=None, **kwargs):
        super().__init__(model, num_ways, **kwargs)
        self.processing_steps = count("processing_steps")(processing_steps)
        (size,) = self.embedding_shape
        if self.processing_steps:
            dtype = self.variable_dtype
            # There is no dropout, but Keras creates its seed variable anyway: fix its value.
            lstm = keras.layers.LSTM(size, return_sequences=True, seed=0, dtype=dtype)
            self.context = keras.layers.Bidirectional(lstm, merge_mode="sum", dtype=dtype)
            self.context.build((1, None, size))
        self.scorer = CosineAttention(self.processing_steps, dtype=self.variable_dtype)
        self.scorer.build([(None, size), (None, size), (None, self.num_ways)])

    def fit_head(self, features, one_hot):
        if self.processing_steps:
            features += tf.squeeze(self.context(features[None]), 0)
        return [features, one_hot]

    def chosen_task_map(self, tasks=None):
        if not self.processing_steps:
            return super().chosen_task_map(tasks)
        if self.task_map == "vectorize":
            raise ValueError(
                "A recurrence over the support set is not vectorised over tasks. Use "
                "task_map='loop', or processing_steps=0. Received: task_map='vectorize', "
                f"processing_steps={self.processing_steps}."
            )
        return "loop"

    def get_config(self):
        return {**super().get_config(), "processing_steps": self.processing_steps}
