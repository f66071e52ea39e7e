"""The loss of support vector regression."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_meta")
class EpsilonInsensitive(keras.losses.Loss):
    """The part of the absolute error that exceeds a margin.

        L(y, s) = mean over outputs of  max(0, |y - s| - epsilon)

    Args:
        epsilon: float. The margin. Errors up to this size cost nothing.
        reduction: See `keras.losses.Loss`.
        name: Optional name.
        dtype: See `keras.losses.Loss`.

    Example:

    ```python
    import keras_meta

    loss = keras_meta.losses.EpsilonInsensitive(epsilon=0.5)
    assert float(loss([[1.0], [1.0]], [[1.25], [3.0]])) == (0.0 + 1.5) / 2
    ```

    Reference:
        [Drucker et al., 1996](https://papers.nips.cc/paper/1996/hash/d38901788c533e8286cb6400b40b386d-Abstract.html)
    """

    def __init__(
        self,
        epsilon=0.1,
        reduction="sum_over_batch_size",
        name="epsilon_insensitive",
        dtype=None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if not epsilon >= 0:
            raise ValueError(f"`epsilon` must be a number >= 0. Received: epsilon={epsilon!r}.")
        self.epsilon = epsilon

    def call(self, y_true, y_pred):
        y_pred = tf.convert_to_tensor(y_pred)
        y_true = tf.cast(y_true, y_pred.dtype)
        if len(y_true.shape) + 1 == len(y_pred.shape):
            y_true = tf.expand_dims(y_true, -1)
        return tf.reduce_mean(tf.nn.relu(tf.abs(y_true - y_pred) - self.epsilon), -1)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
