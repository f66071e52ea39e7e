"""Common parts of the convex solvers: the Gram matrix, and Newton's equations in the dual.

The weights of a linear learner with an L2 penalty are a combination of the support examples,
`W = X^T A`, so `A` has one row per example regardless of the number of features. These problems are
small and badly conditioned: they are solved in double precision, regardless of the features' dtype.
"""

import tensorflow as tf

_ROUNDING = 1e-14  # relative to the trace; about 50 times the rounding error of double precision


def double(*values):
    """Returns tensors or numbers as tensors in double precision."""
    # `tf.cast` would first round a Python number to single precision.
    return [tf.cast(x, "float64") if tf.is_tensor(x) else tf.constant(x, "float64") for x in values]


def gram(x):
    """Returns `X X^T`, with a small diagonal term so that rounding cannot make it indefinite.

    Args:
        x: Tensor `[n, m]` in double precision.
    """
    products = tf.matmul(x, x, transpose_b=True)
    return add_to_diagonal(products, _ROUNDING * tf.linalg.trace(products))


def add_to_diagonal(matrix, values):
    """Returns `M + diag(v)`, for a scalar `v` or a tensor `[..., n]`."""
    # Not by `set_diag`, whose derivative fails if the number of examples is not known statically.
    diagonal = values * tf.ones(tf.shape(matrix)[:-1], matrix.dtype)
    return matrix + tf.linalg.diag(diagonal)


def newton_direction(kernel, diagonal, right_hand_side, refinements=0):
    """Solves the Newton equations of a classifier whose dual variables sum to zero over classes.

    For each class `c`, with a multiplier `v` for each example,

        (K + diag(d_c)) a_c = b_c + v,      sum over classes of a_c = 0

    The kernel and the diagonals are treated as constants. This is exact at a solution: there the
    residual `b` vanishes, and the derivative of a Newton step is that of the solution.

    Args:
        kernel: Tensor `K` `[n, n]`.
        diagonal: Positive tensor `[n, ways]`, whose columns are `d_c`.
        right_hand_side: Tensor `[n, ways]`, whose columns are `b_c`.
        refinements: int. Number of steps of iterative refinement, which solve for the remaining
            residual. The elimination loses digits if diagonals are small and examples outnumber
            features; each step recovers some.

    Returns:
        Tensor `[n, ways]`, whose columns are `a_c`.
    """
    kernel, diagonal = tf.stop_gradient(kernel), tf.stop_gradient(diagonal)
    systems = add_to_diagonal(
        tf.tile(kernel[None], [tf.shape(diagonal)[1], 1, 1]), tf.transpose(diagonal)
    )
    inverses = _inverse(systems)
    of_multipliers = _inverse(tf.reduce_sum(inverses, 0))

    def solve(b, total):
        """By elimination of `a_c = (K + diag(d_c))^-1 (b_c + v)`."""
        a = tf.linalg.matvec(inverses, tf.transpose(b))
        v = tf.linalg.matvec(of_multipliers, total - tf.reduce_sum(a, 0))
        return tf.transpose(a + tf.linalg.matvec(inverses, v)), v[:, None]

    a, v = solve(right_hand_side, 0.0)
    for _ in range(refinements):
        left = right_hand_side + v - tf.matmul(kernel, a) - diagonal * a
        da, dv = solve(left, -tf.reduce_sum(a, 1))
        a, v = a + da, v + dv
    return a


def _inverse(matrix):
    identity = add_to_diagonal(tf.zeros_like(matrix), tf.ones([], matrix.dtype))
    return tf.linalg.cholesky_solve(tf.linalg.cholesky(matrix), identity)
