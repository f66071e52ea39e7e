"""The multi-class support vector machine, solved in the dual and differentiated at the solution."""

import tensorflow as tf

from keras_meta.heads.dual import double, gram, newton_direction

_MAX_STEPS = 60
_GAP = 1e-7  # `U Z` at the solution, for a kernel of order 1
_TOLERANCE = 1e-3  # of `U Z`, relative
_NO_MARGIN = 1e6  # added to the margin of a class without examples, to deactivate it


def support_vector_machine(features, one_hot, penalty):
    """Weights of the multi-class support vector machine of Crammer and Singer.

        W = argmin  1/2 |W|^2 + C sum_i max(0, 1 + max_{j != y_i} x_i w_j - x_i w_{y_i})

    Its dual, with `W = C X^T A`, is a quadratic program over the simplex:

        minimise C/2 tr(A^T X X^T A) - tr(A^T Y)   over  A = Y - U,  U >= 0,  sum_c U_ic = 1

    It is solved by a primal-dual interior-point method with multipliers `Z` of `U >= 0`, whose
    Newton steps follow the central path `U Z = m` while `m` decreases to almost 0. The derivative
    is that of one more Newton step that starts from the solution as a constant: by the implicit
    function theorem, this differentiates the optimality conditions with the active constraints held
    fixed. The iterations are not differentiated.

    Args:
        features: Tensor `X` `[support, features]`.
        one_hot: One-hot labels `Y` `[support, ways]`. Classes without examples are left out; their
            weights are zero.
        penalty: Positive scalar `C`.

    Returns:
        Tensor `W` `[features, ways]`.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta.heads.support_vector_machine import support_vector_machine

    x, y = tf.constant([[-1.0], [1.0]]), tf.eye(2)
    scores = x @ support_vector_machine(x, y, 1.0)  # the correct class wins by the margin 1
    ```

    Reference:
        [Crammer and Singer, 2001](https://jmlr.org/papers/v2/crammer01a.html);
        [Amos and Kolter, 2017](https://arxiv.org/abs/1703.00443), on the derivative
    """
    x, y, penalty = double(features, one_hot, penalty)
    kernel = penalty * gram(x)
    absent = tf.cast(tf.reduce_sum(y, 0) == 0, y.dtype)
    margins = y + _NO_MARGIN * absent
    constant = tf.stop_gradient(kernel)
    # The larger the kernel, the smaller the dual variables of the support vectors.
    gap = _GAP / (1.0 + tf.reduce_mean(tf.linalg.diag_part(constant)))

    def newton(kernel, a, z, target, refinements):
        """Returns the Newton step of `A` towards `U Z = target`."""
        u = y - a
        residual = margins - tf.matmul(kernel, a) - target / u
        return newton_direction(kernel, z / u, residual, refinements)

    def step(number, a, z, distance):
        u = y - a
        target = tf.maximum(0.1 * tf.reduce_mean(u * z), gap)
        da = newton(constant, a, z, target, 2)
        dz = target / u - z + z / u * da
        # Full step, or just short of the point where the first variable would reach zero.
        length = 0.99 / tf.maximum(tf.reduce_max(tf.maximum(da / u, -dz / z)), 0.99)
        a, z = a + length * da, z + length * dz
        return number + 1, a, z, tf.reduce_max(tf.abs((y - a) * z / gap - 1.0))

    start = y - 1.0 / tf.cast(tf.shape(y)[1], y.dtype)
    _, solution, z, _ = tf.while_loop(
        lambda number, a, z, distance: (number < _MAX_STEPS) & (distance > _TOLERANCE),
        step,
        (tf.constant(0), start, tf.ones_like(y), tf.ones([], y.dtype)),
    )
    solution += newton(kernel, solution, z, gap, 5)
    return tf.cast(penalty * tf.matmul(x, solution, transpose_a=True), features.dtype)
