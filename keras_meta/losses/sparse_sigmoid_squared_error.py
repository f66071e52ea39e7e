"""The squared error of the sigmoids of class scores."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_meta")
class SparseSigmoidSquaredError(keras.losses.Loss):
    """The squared error of independent class probabilities, one sigmoid for each class.

        L(y, s) = mean over classes n of  (sigmoid(s_n) - [y = n])^2

    Args:
        reduction: See `keras.losses.Loss`.
        name: Optional name.
        dtype: See `keras.losses.Loss`.

    Example:

    ```python
    import keras_meta

    loss = keras_meta.losses.SparseSigmoidSquaredError()
    assert float(loss([0], [[0.0, 0.0]])) == 0.25
    ```

    Reference:
        [Sung et al., 2018](https://arxiv.org/abs/1711.06025)
    """

    def __init__(
        self, reduction="sum_over_batch_size", name="sparse_sigmoid_squared_error", dtype=None
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true, y_pred):
        y_pred = tf.convert_to_tensor(y_pred)
        y_true = tf.cast(y_true, tf.int32)
        if len(y_true.shape) == len(y_pred.shape):
            y_true = tf.squeeze(y_true, -1)
        right = tf.one_hot(y_true, tf.shape(y_pred)[-1], dtype=y_pred.dtype)
        return tf.reduce_mean(tf.square(tf.sigmoid(y_pred) - right), -1)
