"""Variables that have a value for each number of inner steps."""

import tensorflow as tf


def table(owner, variable, rows):
    """Returns a new variable with a row for each number of inner steps, which start as `variable`.

    Args:
        owner: The `keras.layers.Layer` that gets it.
        variable: `keras.Variable`.
        rows: int. One more than there are inner steps.

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
    """The row of a step; beyond the last row, that one.

    Args:
        values: Tensor `[rows, ...]`.
        step: int or scalar int tensor.
    """
    return values[tf.minimum(step, values.shape[0] - 1)]
