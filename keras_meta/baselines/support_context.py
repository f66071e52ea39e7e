"""A language model that reads the support text before each query."""

import tensorflow as tf

from keras_meta.baselines.baseline_method import BaselineMethod


class SupportContext(BaselineMethod):
    """Predicts each query as the continuation of the support text, without learning.

    Tasks are windows of text, as of `episodes.CharacterLanguages`. The settings are the numbers of
    symbols, the last ones of the support text, that precede a query.

    Args:
        model: A built causal `keras.Model` for sequences of any length: symbols `[n, time]` to
            logits `[n, time, symbols]`.
        contexts: Sequence of ints.

    Example:

    ```python
    import keras_meta

    tasks = keras_meta.episodes.SyntheticLanguages(num_shots=4, num_queries=2, length=40)
    model = keras_meta.networks.CharacterGRU(tasks.codec.size, width=8)
    reader = keras_meta.baselines.SupportContext(model, contexts=(0, 100))
    bits = reader.task_values(tasks.as_dataset(3, num_batches=1), "bits_per_character")
    assert bits.shape == (3, 2)
    ```
    """

    def __init__(self, model, contexts=(0, 64, 256)):
        super().__init__()
        self.model = model
        self.contexts = tuple(contexts)

    @property
    def settings(self):
        return [f"context {context}" for context in self.contexts]

    def predictions(self, inputs, loss):
        del loss
        query_x = inputs["query_x"]
        windows = tf.concat([inputs["support_x"], inputs["support_y"][:, -1:]], 1)
        text = tf.reshape(windows, [-1])
        found = []
        for context in self.contexts:
            before = text[tf.maximum(tf.size(text) - context, 0) :]
            before = tf.repeat(before[None], tf.shape(query_x)[0], 0)
            logits = self.model(tf.concat([before, query_x], 1), training=False)
            found.append(logits[:, tf.shape(before)[1] :])
        return tf.stack(found)
