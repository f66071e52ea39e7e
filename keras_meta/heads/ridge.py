"""Ridge regression in closed form."""

import tensorflow as tf

from keras_meta.heads.dual import add_to_diagonal, double, gram


def ridge(features, targets, regularization):
    """Weights of ridge regression, without an intercept.

        W = argmin |X W - Y|^2 + l |W|^2
          = X^T (X X^T + l I)^-1 Y          fewer examples than features
          = (X^T X + l I)^-1 X^T Y          otherwise

    Both forms are equal. The first is used if the number of examples is not known statically.

    Args:
        features: Tensor `X` `[examples, features]`.
        targets: Tensor `Y` `[examples, outputs]`.
        regularization: Positive scalar `l`.

    Returns:
        Tensor `W` `[features, outputs]`.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta.heads.ridge import ridge

    weights = ridge(tf.constant([[1.0], [2.0]]), tf.constant([[2.0], [4.0]]), 0.0)
    assert abs(float(weights[0, 0]) - 2.0) < 1e-6
    ```
    """
    x, y, penalty = double(features, targets, regularization)
    if _few(x):
        weights = tf.matmul(x, _solve(x, penalty, y), transpose_a=True)
    else:
        weights = _solve(tf.transpose(x), penalty, tf.matmul(x, y, transpose_a=True))
    return tf.cast(weights, features.dtype)


def predictive_variance(
    features, targets, weights, queries, regularization, prior_noise=1.0, prior_rows=0.0
):
    """Predictive variance of ridge regression.

    The model is Bayesian linear regression, in which prior and noise share an unknown scale `s`:

        w ~ N(0, s^2 / l I),  y | x, w ~ N(x w, s^2)
        Var[y | x] = s^2 (1 + x^T (X^T X + l I)^-1 x)

    For each output, `s^2` is the scale of its posterior if its prior is that of `a` further
    examples with noise variance `s_0^2`; without a prior, the maximum-likelihood estimate:

        s^2 ~ Scaled-Inv-chi^2(a, s_0^2),  s^2 := (a s_0^2 + sum of y_i (y_i - x_i W)) / (a + n)

    Args:
        features: Tensor `X` `[examples, features]`.
        targets: Tensor `Y` `[examples, outputs]`.
        weights: Tensor `W` `[features, outputs]`, as returned by `ridge`.
        queries: Tensor `[queries, features]`, the rows `x`.
        regularization: Positive scalar `l`.
        prior_noise: Scalar `s_0^2`.
        prior_rows: Scalar `a`.

    Returns:
        Tensor `[queries, outputs]`.

    Reference:
        [Bishop, 2006](https://www.microsoft.com/en-us/research/publication/pattern-recognition-machine-learning/),
        sections 3.3 and 3.5
    """
    x, y, w, q, penalty = double(features, targets, weights, queries, regularization)
    prior_noise, prior_rows = double(prior_noise, prior_rows)
    examples = tf.cast(tf.shape(x)[0], x.dtype)
    # Not below zero, as rounding could leave it if there is no noise.
    left = tf.maximum(tf.reduce_sum(y * (y - tf.matmul(x, w)), 0), 0.0)
    noise = (prior_rows * prior_noise + left) / (prior_rows + examples)
    if _few(x):
        products = tf.matmul(x, q, transpose_b=True)
        explained = tf.reduce_sum(products * _solve(x, penalty, products), 0)
        spread = (tf.reduce_sum(tf.square(q), 1) - explained) / penalty
    else:
        spread = tf.reduce_sum(
            q * tf.transpose(_solve(tf.transpose(x), penalty, tf.transpose(q))), 1
        )
    return tf.cast(noise * (1.0 + spread[:, None]), features.dtype)


def _few(x):
    return x.shape[0] is None or x.shape[0] < x.shape[1]


def _solve(x, penalty, right_hand_side):
    """`(X X^T + l I)^-1 B`"""
    factor = tf.linalg.cholesky(add_to_diagonal(gram(x), penalty))
    return tf.linalg.cholesky_solve(factor, right_hand_side)
