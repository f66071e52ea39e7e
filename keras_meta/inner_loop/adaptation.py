"""Differentiable inner steps."""

import tensorflow as tf


def gradients(loss_function, weights, first_order=False):
    """Gradient of a loss at `weights`, itself differentiable unless `first_order`.

    Args:
        loss_function: Callable, list of tensors to `(scalar loss, auxiliary)`, or to these and a
            scale, by which the gradient is multiplied during backpropagation so that half precision
            can represent it, or `None`.
        weights: List of tensors.
        first_order: bool. Treat the gradient as a constant.

    Returns:
        Tuple `(gradients, auxiliary)`. A weight that the loss does not depend on has gradient
        `None`.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(weights)
        loss, auxiliary, *scale = loss_function(weights)
    scale = scale[0] if scale else None
    result = dense(
        tape.gradient(loss, weights, None if scale is None else tf.cast(scale, loss.dtype))
    )
    if scale is not None:
        result = [None if g is None else g / tf.cast(scale, g.dtype) for g in result]
    if first_order:
        result = [None if g is None else tf.stop_gradient(g) for g in result]
    return result, auxiliary


def dense(gradients):
    """Returns gradients as tensors; that of an embedding layer lacks most operations otherwise.

    Args:
        gradients: Sequence of tensors, `tf.IndexedSlices` and `None`.
    """
    return [tf.convert_to_tensor(g) if isinstance(g, tf.IndexedSlices) else g for g in gradients]


def descend(step, state, steps):
    """Yields the state after 0, 1, ..., `steps` inner steps, unrolled.

    Args:
        step: Callable, `(state, step number) -> state`.
        state: The state before the first step.
        steps: int.

    Yields:
        `steps + 1` states.
    """
    yield state
    for number in range(steps):
        state = step(state, number)
        yield state


def loop(step, state, steps):
    """Returns the state after `steps` inner steps, by a graph loop that is not differentiated.

    Args:
        step: Callable, `(state, step number) -> state`, which keeps structure and shapes.
        state: The state before the first step.
        steps: int.

    Returns:
        The state after the last step.
    """
    _, state = tf.while_loop(
        lambda number, _: number < steps,
        lambda number, state: (number + 1, step(state, number)),
        (tf.constant(0), state),
        parallel_iterations=1,
    )
    return state
