"""The loss that an inner loop descends."""

import keras
import tensorflow as tf


class FunctionLoss(keras.losses.Loss):
    """A loss function as a `keras.losses.Loss`, with `[n]` targets matched to `[n, 1]` outputs.

    Args:
        function: Callable `(y_true, y_pred) -> per-example losses`.
    """

    def __init__(self, function):
        super().__init__(name=getattr(function, "__name__", "inner_loss"))
        self.function = function

    def call(self, y_true, y_pred):
        # Without this, `[n] - [n, 1]` would broadcast to `[n, n]`.
        if len(y_true.shape) + 1 == len(y_pred.shape) and y_pred.shape[-1] == 1:
            y_true = tf.expand_dims(y_true, -1)
        return self.function(y_true, y_pred)


def resolve(loss):
    """Returns `loss`, a string, function, layer or `Loss`, as a `keras.losses.Loss`."""
    if not isinstance(loss, (list, tuple, dict)):
        loss = keras.losses.get(loss)
    if loss is None or isinstance(loss, keras.losses.Loss):
        return loss
    if callable(loss):
        return FunctionLoss(loss)
    raise ValueError(
        "The inner loss must be one loss: a name, a function or a `keras.losses.Loss`. For several "
        f"outputs, pass a function of the nested targets and predictions. Received: {loss!r}."
    )


def variables(loss):
    """What is learned of a loss: the trainable variables of a `keras.layers.Layer`, else none."""
    return loss.trainable_variables if isinstance(loss, keras.layers.Layer) else []


def support_loss(loss, y_true, y_pred):
    """Mean (or, if the loss says so, summed) loss over one support set, as a scalar.

    Keras divides an averaging loss by the number of replicas, because gradients of the outer loop
    are summed over them. The inner loop of a task runs on one replica: the division is undone.
    """
    value = loss(y_true, y_pred)
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if value.shape.rank == 0 and loss.reduction != "sum" and replicas > 1:
        value *= tf.cast(replicas, value.dtype)
    return tf.reduce_mean(value)
