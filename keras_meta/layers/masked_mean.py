"""The mean over the words of a text."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_meta")
class MaskedMean(keras.layers.Layer):
    """Averages sequences over time, without their padding; zero if a sequence is empty.

        y = sum over t of  m_t x_t / sum over t of  m_t,    y = 0 if no m_t is 1

    `keras.layers.GlobalAveragePooling1D` gives NaN for an empty sequence, such as a text without
    words.

    Example:

    ```python
    import keras
    import numpy as np
    from keras_meta.layers import MaskedMean

    words = keras.layers.Embedding(10, 4, mask_zero=True)
    means = MaskedMean()(words(np.array([[3, 7, 0], [0, 0, 0]])))
    assert means.shape == (2, 4) and not np.any(means[1])
    ```
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        """Averages `inputs` `[n, time, size]` where `mask` `[n, time]` is true, or all of them."""
        if mask is None:
            mask = tf.ones(tf.shape(inputs)[:2], tf.bool)
        mask = tf.cast(mask, inputs.dtype)[..., None]
        # The sum of a mask may exceed what half precision can count.
        number = tf.cast(tf.reduce_sum(tf.cast(mask, tf.float32), 1), inputs.dtype)
        return tf.math.divide_no_nan(tf.reduce_sum(mask * inputs, 1), number)

    def compute_mask(self, inputs, mask=None):
        """Returns `None`: a mean has no time axis."""

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *input_shape[2:])
