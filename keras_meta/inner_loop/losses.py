"""The loss of the inner loop."""

import keras
import tensorflow as tf

from keras_meta.exact import replicas


class FunctionLoss(keras.losses.Loss):
    """A loss function as a `keras.losses.Loss`, with `[n]` targets matched to `[n, 1]` outputs.

    Args:
        function: Callable `(y_true, y_pred) -> per-example losses`, of tensors, or of nests of
            tensors if the model has several outputs.
    """

    def __init__(self, function):
        name = getattr(function, "__name__", "")
        # TensorFlow does not accept the name of a lambda.
        super().__init__(name=name if name.isidentifier() else "inner_loss")
        self.function = function

    def call(self, y_true, y_pred):
        if keras.tree.is_nested(y_true) or keras.tree.is_nested(y_pred):
            return self.function(y_true, y_pred)
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


def of_learner(learner):
    """Returns the inner loss of a learner as a `keras.losses.Loss`.

    Args:
        learner: A `MetaLearner`.

    Raises:
        ValueError: If neither its constructor nor `compile` was given one.
    """
    loss = learner.inner_loss if learner.inner_loss is not None else learner.loss
    if not loss:
        raise ValueError(
            "There is no inner loss to adapt with. Pass `inner_loss` to the learner, or "
            "`compile` it with a loss, which is then the inner loss as well. Received: "
            "inner_loss=None for a learner that is not compiled."
        )
    return resolve(loss)


def variables(loss):
    """The meta-learned variables of a loss: those of a `keras.layers.Layer`, else none."""
    return loss.trainable_variables if isinstance(loss, keras.layers.Layer) else []


def check_learned(loss, first_order):
    """Raises if a loss has weights that the outer loop cannot learn.

    Args:
        loss: The inner loss that a learner was given, or `None`.
        first_order: bool. Whether the learner omits second derivatives.
    """
    if first_order and variables(loss):
        raise ValueError(
            "The weights of an inner loss are learned through the inner gradient, which "
            "first-order learners treat as a constant. Use a loss without weights, or MAML "
            f"with first_order=False. Received: inner_loss={loss!r}."
        )


def support_loss(loss, y_true, y_pred):
    """Mean (or, if the loss says so, summed) loss over one support set, as a scalar.

    Keras divides an averaged loss by the number of replicas, because the gradients of the outer
    loop are summed over them. The inner loop of a task runs on one replica, so the division is
    undone.
    """
    value = loss(y_true, y_pred)
    if value.shape.rank == 0 and loss.reduction != "sum":
        value = replicas.whole(value)
    return tf.reduce_mean(value)


def gradient_scale(loss, y_true, y_pred):
    """Returns the scale of the support loss at which float16 can represent its gradient.

    It is a power of two, so that undoing it is exact, and brings the largest derivative with
    respect to a prediction to between 1 and 2. Float16 cannot represent magnitudes below 6e-8, as
    the derivatives of a well-learned or lightly weighted task may have, nor above 65504.

    Args:
        loss: `keras.losses.Loss`.
        y_true: Labels.
        y_pred: Nest of predictions.

    Returns:
        Scalar tensor, or `None` if no prediction is float16.
    """
    leaves = keras.tree.flatten(y_pred)
    if all(x.dtype != "float16" for x in leaves):
        return None
    leaves = [tf.stop_gradient(tf.cast(x, "float32")) for x in leaves]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(leaves)
        value = support_loss(loss, y_true, keras.tree.pack_sequence_as(y_pred, leaves))
    derivatives = [tf.abs(g) for g in tape.gradient(value, leaves) if g is not None]
    largest = tf.reduce_max(tf.stack([tf.reduce_max(g) for g in derivatives]))
    # Clearing the mantissa rounds a number down to a power of two.
    power = tf.bitcast(tf.bitwise.bitwise_and(tf.bitcast(largest, "int32"), 0x7F800000), "float32")
    usual = (power > 2.0**-100) & (power < 2.0**100)
    return tf.stop_gradient(1.0 / tf.where(usual, power, 1.0))
