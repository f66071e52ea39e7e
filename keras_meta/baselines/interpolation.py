"""Interpolation between the support examples of a task."""

import tensorflow as tf

from keras_meta.baselines.baseline_method import BaselineMethod
from keras_meta.baselines.ridge_per_task import vectors


class Interpolation(BaselineMethod):
    """Draws straight lines between support examples whose `x` is one number.

    Before the first and after the last, the value is that of the nearest. Where several examples
    have the same `x`, one of them counts.

    Args:
        features: A `keras.Model` from examples `[n, ...]` to numbers `[n, 1]`, or `None` for
            examples that are such numbers.

    Example:

    ```python
    import keras_meta

    waves = keras_meta.episodes.Sinusoid(num_shots=5).as_dataset(25, num_batches=2)
    lines = keras_meta.baselines.Interpolation()
    assert lines.task_values(waves, "mse").shape == (50, 1)
    ```
    """

    def __init__(self, features=None):
        super().__init__()
        self.features = features

    settings = ("linear",)

    def predictions(self, inputs, loss):
        del loss
        support, query = (x[:, 0] for x in vectors(self.features, inputs))
        order = tf.argsort(support, stable=True)
        x, y = tf.gather(support, order), tf.gather(inputs["support_y"][:, 0], order)
        last = tf.size(x) - 1
        after = tf.clip_by_value(tf.searchsorted(x, query), 0, last)
        before = tf.maximum(after - 1, 0)
        left, right = tf.gather(x, before), tf.gather(x, after)
        share = tf.clip_by_value(tf.math.divide_no_nan(query - left, right - left), 0.0, 1.0)
        value = (1 - share) * tf.gather(y, before) + share * tf.gather(y, after)
        return value[None, :, None]
