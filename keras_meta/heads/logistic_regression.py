"""Multinomial logistic regression, solved to convergence and differentiated at the solution."""

import numpy as np
import tensorflow as tf

from keras_meta.heads.dual import double, gram, newton_direction

_MAX_STEPS = 50
_TOLERANCE = 1e-10  # of probabilities
_LENGTHS = (0.5 ** np.arange(8.0))[:, None, None]


def logistic_regression(features, one_hot, regularization):
    """Weights of multinomial logistic regression, without an intercept.

        W = argmin  sum_i cross-entropy(y_i, softmax(x_i W)) + l/2 |W|^2

    At the minimum `W = X^T A / l` with `A = Y - softmax(X W)`, which is solved for `A` by Newton's
    method. The derivative is that of one more Newton step that starts from the solution as a
    constant: by the implicit function theorem, this is the derivative of the solution itself.

    Args:
        features: Tensor `X` `[support, features]`.
        one_hot: One-hot labels `Y` `[support, ways]`. Classes without examples are left out; their
            weights are zero.
        regularization: Positive scalar `l`.

    Returns:
        Tensor `W` `[features, ways]`.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta.heads.logistic_regression import logistic_regression

    x, y = tf.constant([[-1.0], [1.0]]), tf.eye(2)
    weights = logistic_regression(x, y, 0.1)
    loss = tf.nn.softmax_cross_entropy_with_logits(y, x @ weights)
    ```

    Reference:
        [Rasmussen and Williams, 2006](https://gaussianprocess.org/gpml/), section 3.5
    """
    x, y, penalty = double(features, one_hot, regularization)
    kernel = gram(x) / penalty
    absent = tf.reduce_sum(y, 0) == 0

    def probabilities(scores):
        return tf.nn.softmax(tf.where(absent, tf.constant(-1e9, scores.dtype), scores))

    def newton(kernel, a):
        """Returns the Newton step from `a`, and the residual at `a`."""
        p = probabilities(tf.matmul(kernel, a))
        residual = y - p - a
        curvature = 1.0 / tf.maximum(tf.stop_gradient(p), 1e-12)
        return newton_direction(kernel, curvature, residual * curvature), residual

    def step(number, a, distance):
        direction, residual = newton(constant, a)
        scores, change = tf.matmul(constant, a), tf.matmul(constant, direction)
        # Line search for the length with the smallest slope, which is 1 near the solution.
        points = a + _LENGTHS * direction
        residuals = y - probabilities(scores + _LENGTHS * change) - points
        slopes = tf.reduce_sum(residuals * change, [1, 2])
        best = tf.argmin(tf.abs(slopes))
        return number + 1, tf.gather(points, best), tf.reduce_max(tf.abs(residual))

    constant = tf.stop_gradient(kernel)
    _, solution, _ = tf.while_loop(
        lambda number, a, distance: (number < _MAX_STEPS) & (distance > _TOLERANCE),
        step,
        (tf.constant(0), tf.zeros_like(y), tf.ones([], y.dtype)),
    )
    solution += newton(kernel, solution)[0]
    return tf.cast(tf.matmul(x, solution, transpose_a=True) / penalty, features.dtype)
