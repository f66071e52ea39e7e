"""Moments and batch normalisation with exact derivatives of the second order.

`tf.nn.moments` computes the variance around `stop_gradient(mean)`. That leaves the first derivative
right and makes the second one wrong, silently.
"""

import keras
import tensorflow as tf

from keras_meta.exact import private
from keras_meta.exact.custom_gradient import custom_gradient
from keras_meta.exact.layers import sublayers

# Elements from which on memory traffic, and not the number of operations, takes the time.
_FUSED_SIZE = 2**18


def exact_moments(x, axes, shift=None, keepdims=False, name=None):
    """Mean and variance that can be differentiated any number of times.

    `mean = E[x]`, `variance = E[(x - mean)^2]`, with the gradient flowing through `mean` in both.

    Args:
        x: Float tensor.
        axes: Axes to reduce.
        shift: Ignored, as in `tf.nn.moments`.
        keepdims: bool.
        name: Optional name.

    Returns:
        Tuple `(mean, variance)`.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta.exact.normalization import exact_moments

    mean, variance = exact_moments(tf.constant([1.0, 3.0]), axes=[0])
    assert mean == 2.0 and variance == 1.0
    ```
    """
    del shift
    with tf.name_scope(name or "exact_moments"):
        x = tf.convert_to_tensor(x)
        x_wide = wide(x)  # as the stock function does
        mean = tf.reduce_mean(x_wide, axes, keepdims=True)
        variance = tf.reduce_mean(tf.square(x_wide - mean), axes, keepdims=keepdims)
        if not keepdims:
            mean = tf.reshape(mean, tf.shape(variance))
            mean.set_shape(variance.shape)
        return tf.cast(mean, x.dtype), tf.cast(variance, x.dtype)


def batch_normalizations(model):
    """Returns the batch normalisation layers of `model`, nested ones included.

    Raises:
        ValueError: If one uses `renorm`, whose corrections depend on past batches.
    """
    layers = [
        layer
        for layer in sublayers(model)
        if isinstance(layer, keras.layers.BatchNormalization)
        and type(layer).call is keras.layers.BatchNormalization.call
    ]
    for layer in layers:
        if private.uses_renorm(layer):
            raise ValueError(
                "`BatchNormalization(renorm=True)` corrects by statistics of earlier batches, "
                "which have no meaning inside a task. Use `renorm=False`. "
                f"Received: layer {layer.name!r} with renorm=True."
            )
    return layers


def normalize(x, gamma, beta, epsilon):
    """Normalises over all axes but the last, with both derivatives written by hand.

    With `E` the mean over all axes but the last, `c = x - E[x]`, `r = 1 / sqrt(E[c^2] + epsilon)`,
    `y = r c`, cotangents `g` of the result and `v, u, t` of `dx, dgamma, dbeta`, `n` examples,
    `a = E[g y]`, `b = E[v y]`, `k = E[v g] - E[v] E[g]`,

        z      = gamma y + beta
        dx     = gamma r (g - E[g] - a y)      dgamma = n a      dbeta = n E[g]
        dg     = gamma r (v - E[v] - b y) + u y + t
        d2x    = -gamma r^2 (a (v - E[v]) + b (g - E[g]) + (k - 3 a b) y) + u r (g - E[g] - a y)
        d2gamma = n r (k - a b)

    In the code each is a sum of the tensors `v`, `g` and `c` with one factor per channel.
    Differentiating the definition instead takes several times as many operations on tensors of the
    size of `x`, which is most of what a small convolutional network spends on normalisation.

    Args:
        x: Float tensor `[..., channels]`. Of half precision, its moments are sums of single
            precision.
        gamma: Tensor `[channels]`, of single precision with an `x` of half.
        beta: Tensor `[channels]`, like `gamma`.
        epsilon: float.

    Returns:
        Tuple `(z, (mean, variance))`: a tensor like `x`, and its moments, like `gamma`, which can
        be differentiated any number of times.

    Raises:
        NotImplementedError: When a third derivative is taken.
    """
    axes = list(range(x.shape.rank - 1))

    def mean(value):
        return tf.reduce_mean(value, axes)

    # The derivatives refer to the outer `x` and `gamma`: the arguments are cut off from the outer
    # tapes.
    @custom_gradient
    def forward(x_, gamma_, beta_):
        z, mean_x, variance = _forward(x_, gamma_, beta_, epsilon)
        r = tf.math.rsqrt(variance + epsilon)
        n = tf.cast(tf.size(x_) // tf.size(r), r.dtype)

        @custom_gradient
        def backward(g, *_):
            g_ = wide(g)
            if _is_large(x_):
                dx, dgamma, dbeta = _fused_backward(g, x_, gamma_, mean_x, variance, epsilon)
                a, mean_g = dgamma / n, dbeta / n
            else:
                c, mean_g = wide(x_) - mean_x, mean(g_)
                a, s = r * mean(g_ * c), gamma_ * r
                dx = s * g_ - (s * a * r) * c - s * mean_g

            def second(v, u, t):
                @custom_gradient
                def derivatives(v, u, t):
                    v, c = wide(v), wide(x_) - mean_x
                    mean_v, b = mean(v), r * mean(v * c)
                    k = mean(v * g_) - mean_v * mean_g
                    s = gamma_ * r
                    dg = s * v + r * (u - s * b) * c + (t - s * mean_v)
                    of_v, of_g = -s * r * a, u * r - s * r * b
                    of_c = -r * (s * r * (k - 3.0 * a * b) + u * r * a)
                    dx = of_v * v + of_g * g_ + of_c * c - (of_v * mean_v + of_g * mean_g)
                    dg, dx = tf.cast(dg, x.dtype), tf.cast(dx, x.dtype)
                    return (dg, dx, n * r * (k - a * b)), _no_third_derivative

                return derivatives(v, u, t)

            return (tf.cast(dx, x.dtype), n * a, n * mean_g), second

        return (z, mean_x, variance), lambda g, *_: backward(g, x, gamma)

    z, mean_x, variance = forward(x, gamma, beta)
    return z, _moments_of(x, mean_x, variance)


def wide(x):
    """Returns a tensor in single precision if it is of half, for sums that half would lose."""
    return tf.cast(x, "float32") if x.dtype in (tf.float16, tf.bfloat16) else x


def _moments_of(x, mean, variance):
    """Gives moments that are known already the derivatives of the moments of `x`."""

    @custom_gradient
    def moments(x_):
        del x_

        def gradient(of_mean, of_variance):
            n = tf.cast(tf.size(x) // tf.size(mean), mean.dtype)
            x_wide = wide(x)
            c = x_wide - tf.reduce_mean(x_wide, list(range(x.shape.rank - 1)))
            return tf.cast((of_mean + 2.0 * of_variance * c) / n, x.dtype)

        return (tf.identity(mean), tf.identity(variance)), gradient

    mean, variance = tf.stop_gradient(mean), tf.stop_gradient(variance)
    return moments(x)


def _forward(x, gamma, beta, epsilon):
    """Returns `(z, mean, variance)`, of large tensors by the library's one kernel."""
    if not _is_large(x):
        x_ = wide(x)
        mean, variance = exact_moments(x_, list(range(x.shape.rank - 1)))
        z = (x_ - mean) * (gamma * tf.math.rsqrt(variance + epsilon)) + beta
        return tf.cast(z, x.dtype), mean, variance
    unknown = tf.zeros([0])
    result = tf.raw_ops.FusedBatchNormV3(
        x=_as_rank_4(x),
        scale=gamma,
        offset=beta,
        mean=unknown,
        variance=unknown,
        epsilon=epsilon,
        is_training=True,
    )
    # `batch_variance` is the unbiased one.
    return tf.reshape(result.y, tf.shape(x)), result.reserve_space_1, result.reserve_space_2


def _fused_backward(g, x, gamma, mean, variance, epsilon):
    """Returns `(dx, dgamma, dbeta)` by the library's one kernel."""
    result = tf.raw_ops.FusedBatchNormGradV3(
        y_backprop=_as_rank_4(g),
        x=_as_rank_4(x),
        scale=gamma,
        reserve_space_1=mean,
        reserve_space_2=variance,
        reserve_space_3=variance,
        epsilon=epsilon,
        is_training=True,
    )
    dx = tf.reshape(result.x_backprop, tf.shape(x))
    return dx, result.scale_backprop, result.offset_backprop


def _as_rank_4(x):
    return tf.reshape(x, [1, 1, -1, x.shape[-1]])


def _is_large(x):
    """Whether the library's kernels pay, which make few passes over `x`."""
    size = x.shape.num_elements()
    return x.dtype != tf.float64 and size is not None and size >= _FUSED_SIZE


def _no_third_derivative(*cotangents):
    raise NotImplementedError(
        "Batch normalisation inside a task has exact first and second derivatives, and no third. "
        f"Received: a request for the third, with {len(cotangents)} cotangents."
    )
