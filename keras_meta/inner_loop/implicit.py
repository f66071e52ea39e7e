"""Derivatives of a solution by the implicit function theorem."""

import tensorflow as tf

from keras_meta.exact.custom_gradient import custom_gradient
from keras_meta.inner_loop.adaptation import dense


def conjugate_gradient(product, right_hand_side, steps):
    """Solves `A u = b` for a symmetric positive definite `A`, given as a matrix-vector product.

    Args:
        product: Callable, list of tensors `u` to `A u`.
        right_hand_side: List of tensors `b`.
        steps: int.

    Returns:
        List of tensors `u`.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta.inner_loop.implicit import conjugate_gradient

    (u,) = conjugate_gradient(lambda u: [4.0 * u[0]], [tf.constant([8.0])], steps=1)
    assert abs(float(u[0]) - 2.0) < 1e-6
    ```
    """

    def dot(a, b):
        return tf.add_n([tf.reduce_sum(x * y) for x, y in zip(a, b, strict=True)])

    def add(a, factor, b):
        return [x + factor * y for x, y in zip(a, b, strict=True)]

    def step(number, u, r, p, rr):
        ap = product(p)
        # Once the residual is zero, the iterate must stay where it is: avoid 0 / 0.
        alpha = tf.math.divide_no_nan(rr, dot(p, ap))
        u, r = add(u, alpha, p), add(r, -alpha, ap)
        new = dot(r, r)
        return number + 1, u, r, add(r, tf.math.divide_no_nan(new, rr), p), new

    b = list(right_hand_side)
    zeros = [tf.zeros_like(x) for x in b]
    _, u, *_ = tf.while_loop(
        lambda number, *_: number < steps, step, (tf.constant(0), zeros, b, b, dot(b, b))
    )
    return u


def solution(find, gradient, parameters, steps):
    """A minimiser `w(p)` of `L(w, p)`, differentiable in `p` by the implicit function theorem.

    At a minimum `dL/dw = 0`. For a cotangent `v` of `w`,

        (d2L/dw2) u = v                      (`steps` steps of conjugate gradient)
        cotangent of p = - u d2L/dw dp

    so neither the memory nor the time of the derivative depends on how the minimum was found.

    Args:
        find: Callable, parameters to a tuple: the minimiser, a list of tensors, and a nest of
            auxiliary tensors that are not differentiated.
        gradient: Callable, `(w, p)` to the list of `dL/dw`, differentiable.
        parameters: List of tensors `p`.
        steps: int.

    Returns:
        The result of `find`.

    Reference:
        [Rajeswaran et al., 2019](https://arxiv.org/abs/1909.04630)
    """
    structure = []

    @custom_gradient
    def differentiable(*parameters):
        weights, rest = find(list(parameters))
        structure[:] = [rest]

        def cotangents(*upstream):
            def products(u, sources):
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(sources)
                    values = gradient(weights, list(parameters))
                zero = tf.UnconnectedGradients.ZERO
                return dense(tape.gradient(values, sources, u, unconnected_gradients=zero))

            v = dense(upstream[: len(weights)])
            u = conjugate_gradient(lambda u: products(u, weights), v, steps)
            return [-x for x in products(u, list(parameters))]

        return [*weights, *tf.nest.flatten(rest)], cotangents

    results = list(differentiable(*parameters))
    count = len(results) - len(tf.nest.flatten(structure[0]))
    rest = [tf.stop_gradient(x) for x in results[count:]]
    return results[:count], tf.nest.pack_sequence_as(structure[0], rest)
