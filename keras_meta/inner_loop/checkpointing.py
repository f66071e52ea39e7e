"""Many inner steps with the memory and tracing time of one."""

import tensorflow as tf

from keras_meta.exact.custom_gradient import custom_gradient
from keras_meta.inner_loop.adaptation import dense


def descend(step, state, steps):
    """Returns the state after `steps` inner steps, keeping only the states between the steps.

        s_{k+1} = step(s_k, k)

    The backward pass recomputes each step from the state before it, and accumulates the cotangents
    `c_k` of the states and `c` of all tensors that `step` captures from outside:

        (c_k, d_k) = c_{k+1} ds_{k+1}/d(s_k, outside)        c = sum of d_k

    Exact for second-order meta-gradients, for which `tf.recompute_grad` fails: the inner gradient
    is part of `step` and is recomputed with it.

    Args:
        step: Callable, `(state, step number) -> state`, differentiable. The states are nests of
            tensors of the same structure, dtypes and shapes. Tensors captured by `step` get
            gradients; captured variables do not, so read them before.
        state: The state before the first step.
        steps: int.

    Returns:
        The state after the last step.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta.inner_loop import checkpointing

    rate, weight = tf.constant(0.5), tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch(rate)
        last = checkpointing.descend(lambda w, k: w - rate * 2.0 * w, weight, steps=1)
    assert tape.gradient(last, rate) == -4.0
    ```
    """
    leaves = tf.nest.flatten(state)

    @tf.function(autograph=False)
    def traced_step(tensors, number):
        return tf.nest.flatten(step(tf.nest.pack_sequence_as(state, tensors), number))

    specs = [tf.TensorSpec(x.shape, x.dtype) for x in leaves]
    one_step = traced_step.get_concrete_function(specs, tf.TensorSpec([], tf.int32))
    outside = [x for x in one_step.captured_inputs if x.dtype.is_floating]
    continuous = [i for i, x in enumerate(leaves) if x.dtype.is_floating]

    @custom_gradient
    def descent(*tensors):
        start = list(tensors[: len(leaves)])

        def forward(number, tensors, borders):
            borders = [b.write(number, x) for b, x in zip(borders, tensors, strict=True)]
            return number + 1, one_step(tensors, number), borders

        borders = [tf.TensorArray(x.dtype, steps, element_shape=x.shape) for x in start]
        _, last, borders = tf.while_loop(
            lambda number, *_: number < steps,
            forward,
            (tf.constant(0), start, borders),
            parallel_iterations=1,
        )

        def backward(number, cotangents, totals):
            tensors = [border.read(number) for border in borders]
            sources = [tensors[i] for i in continuous] + outside
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(sources)
                results = one_step(tensors, number)
            gradients = tape.gradient(
                [results[i] for i in continuous],
                sources,
                cotangents,
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
            gradients = dense(gradients)
            of_state, of_outside = gradients[: len(continuous)], gradients[len(continuous) :]
            totals = [total + x for total, x in zip(totals, of_outside, strict=True)]
            return number - 1, of_state, totals

        def gradient(*cotangents):
            _, of_state, of_outside = tf.while_loop(
                lambda number, *_: number >= 0,
                backward,
                (
                    tf.constant(steps - 1),
                    dense([cotangents[i] for i in continuous]),
                    [tf.zeros(tf.shape(x), x.dtype) for x in outside],
                ),
                parallel_iterations=1,
            )
            by_leaf = dict(zip(continuous, of_state, strict=True))
            return [by_leaf.get(i) for i in range(len(leaves))] + of_outside

        return last, gradient

    return tf.nest.pack_sequence_as(state, list(descent(*leaves, *outside))[: len(leaves)])
