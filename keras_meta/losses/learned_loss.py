"""A meta-learned inner loss."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_meta")
class LearnedLoss(keras.layers.Layer):
    """A small network of targets and predictions that the inner steps minimise.

        L(y, s) = softplus(h([y, s]))

    The hidden layers of `h` are smooth, because the meta-gradient contains second derivatives of
    the loss. As the `inner_loss` of a learner, it is trained by the outer loss, that is, by how
    well the adapted learner predicts the query set, and it is saved with the learner. The loss
    given to `compile` remains the outer loss.

    Args:
        num_outputs: int. Number of outputs of the model. If it is more than 1, targets may be class
            numbers.
        units: Sequence of ints, the widths of the hidden layers.
        **kwargs: See `keras.layers.Layer`.

    Raises:
        ValueError: If `num_outputs` is not a positive integer.

    Example:

    ```python
    import keras_meta

    learner = keras_meta.learners.MAML(
        keras_meta.networks.SinusoidMLP(), 0.1, inner_loss=keras_meta.losses.LearnedLoss(1)
    )
    learner.compile("adam", loss="mse")
    ```

    Reference:
        [Bechtle et al., 2021](https://arxiv.org/abs/1906.05374)
    """

    def __init__(self, num_outputs, units=(40, 40), **kwargs):
        super().__init__(**kwargs)
        if isinstance(num_outputs, bool) or not isinstance(num_outputs, int) or num_outputs < 1:
            raise ValueError(
                "`num_outputs` must be a positive integer, the number of outputs of the model. "
                f"Received: num_outputs={num_outputs!r}."
            )
        self.num_outputs = num_outputs
        self.units = tuple(units)
        dense = keras.layers.Dense
        hidden = [dense(width, "softplus", dtype=self.dtype_policy) for width in self.units]
        last = dense(1, "softplus", dtype=self.dtype_policy)
        self.network = keras.Sequential([keras.Input((2 * num_outputs,)), *hidden, last])
        self.built = True

    def call(self, y_true, y_pred):
        """Returns the losses `[n]`.

        Args:
            y_true: Class numbers `[n]`, or targets like `y_pred`.
            y_pred: Predictions `[n, num_outputs]`.
        """
        if self.num_outputs > 1 and (len(y_true.shape) == 1 or y_true.shape[-1] == 1):
            y_true = tf.one_hot(tf.reshape(tf.cast(y_true, tf.int32), [-1]), self.num_outputs)
        y_true = tf.cast(tf.reshape(y_true, tf.shape(y_pred)), y_pred.dtype)
        return tf.squeeze(self.network(tf.concat([y_true, y_pred], -1)), -1)

    def get_config(self):
        return {
            **super().get_config(),
            "num_outputs": self.num_outputs,
            "units": list(self.units),
        }
