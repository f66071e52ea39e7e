"""The hinge loss of a multi-class support vector machine."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_meta")
class SparseCategoricalHinge(keras.losses.Loss):
    """The amount by which the score of the right class fails to exceed all others by 1.

        L(y, s) = max(0, 1 + max_{j != y} s_j - s_y)

    `keras.losses.CategoricalHinge` takes one-hot labels, and includes a score of 0 in the maximum.

    Args:
        reduction: See `keras.losses.Loss`.
        name: Optional name.
        dtype: See `keras.losses.Loss`.

    Example:

    ```python
    import keras_meta

    loss = keras_meta.losses.SparseCategoricalHinge()
    assert float(loss([0, 1], [[3.0, 1.0], [0.0, 0.25]])) == (0.0 + 0.75) / 2
    ```

    Reference:
        [Crammer, Singer, 2001](https://jmlr.org/papers/v2/crammer01a.html)
    """

    def __init__(
        self, reduction="sum_over_batch_size", name="sparse_categorical_hinge", dtype=None
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true, y_pred):
        y_pred = tf.convert_to_tensor(y_pred)
        y_true = tf.cast(y_true, tf.int32)
        if len(y_true.shape) == len(y_pred.shape):
            y_true = tf.squeeze(y_true, -1)
        right = tf.one_hot(y_true, tf.shape(y_pred)[-1], dtype=y_pred.dtype)
        score = tf.reduce_sum(right * y_pred, -1)
        # Lowers the score of the right class below all others, within the range of float16.
        others = tf.reduce_max(y_pred - right * 1e4, -1)
        return tf.nn.relu(1.0 + others - score)
