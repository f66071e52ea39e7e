"""The differentiable inner steps."""

import tensorflow as tf


def gradients(loss_function, weights, first_order=False):
    """Gradient of a loss at `weights`, itself differentiable unless `first_order`.

    Args:
        loss_function: Callable, list of tensors to `(scalar loss, anything)`.
        weights: List of tensors.
        first_order: bool. Treat the gradient as a constant.

    Returns:
        Tuple `(gradients, anything)`. A weight that the loss does not depend on has gradient
        `None`.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(weights)
        loss, auxiliary = loss_function(weights)
    # An embedding's gradient comes as slices, which do not combine with other tensors.
    result = [
        tf.convert_to_tensor(g) if isinstance(g, tf.IndexedSlices) else g
        for g in tape.gradient(loss, weights)
    ]
    if first_order:
        result = [None if g is None else tf.stop_gradient(g) for g in result]
    return result, auxiliary


def descend(loss_function, weights, optimizer, steps, first_order=False, auxiliary=None):
    """Yields the weights after 0, 1, ..., `steps` inner steps.

    `w_{k+1} = update(w_k, dL/dw (w_k))`

    Args:
        loss_function: Callable `(weights, auxiliary, step) -> (scalar loss, auxiliary)`, where
            `auxiliary` is state to carry from step to step.
        weights: List of tensors, the weights before the first step.
        optimizer: An inner optimizer.
        steps: int. Number of steps, unrolled.
        first_order: bool. Drop second derivatives.
        auxiliary: State before the first step.

    Yields:
        Tuples `(weights, auxiliary)`, `steps + 1` of them.
    """
    slots = optimizer.init(weights)
    yield weights, auxiliary
    for step in range(steps):
        grads, auxiliary = gradients(
            lambda w, a=auxiliary, k=step: loss_function(w, a, k), weights, first_order
        )
        weights, slots = optimizer.update(weights, grads, slots, step)
        yield weights, auxiliary
