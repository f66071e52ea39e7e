"""Tables: variables with one value for each number of inner steps."""

import tensorflow as tf


def table(owner, variable, rows):
    """Returns a new variable with one row per number of inner steps, all initially `variable`.

    Args:
        owner: The `keras.layers.Layer` that will own it.
        variable: `keras.Variable`.
        rows: int. The number of inner steps plus one.

    Returns:
        A `keras.Variable` `[rows, ...]`.
    """
    shape = (rows, *variable.shape)
    result = owner.add_weight(
        name=f"{variable.path.replace('/', '_')}_by_step",
        shape=shape,
        initializer="zeros",
        trainable=variable.trainable,
        dtype=variable.dtype,
    )
    result.assign(tf.broadcast_to(variable.value, shape))
    return result


def row(values, step):
    """Returns the row of a step, or the last row for later steps.

    Args:
        values: Tensor `[rows, ...]`.
        step: int or scalar int tensor.
    """
    return values[tf.minimum(step, values.shape[0] - 1)]
