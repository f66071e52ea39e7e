"""Operations whose stock derivatives LiteRT lacks, with derivatives made of its builtins."""

import tensorflow as tf

from keras_meta.exact import convolution, private
from keras_meta.exact.custom_gradient import custom_gradient

_stock_max_pool = tf.nn.max_pool


def replacements():
    """Returns the replacements for tracing an inner step for LiteRT: see `replaced`."""
    return [
        (*private.RELU, relu),
        (*private.MAX_POOL, max_pool),
        # LiteRT lacks the kernel gradient of convolution: use matrix products at any size.
        (convolution, "max_patch_bytes", float("inf")),
    ]


def relu(features, name=None):
    """`max(x, 0)`. See `tf.nn.relu`."""

    @custom_gradient
    def value(x):
        y = tf.maximum(x, 0)
        return y, lambda g: tf.where(y > 0, g, tf.zeros_like(g))

    return tf.identity(value(features), name)


def max_pool(x, ksize, strides, padding, data_format="NHWC", name=None):
    """Max-pooling, with its own derivative if windows tile the image. See `tf.nn.max_pool`."""
    ksize, strides = tuple(ksize), tuple(strides)
    _, height, width, channels = x.shape
    rows, columns = height // ksize[0], width // ksize[1]
    overhang = height % ksize[0] or width % ksize[1]
    if ksize != strides or data_format != "NHWC" or (padding == "SAME" and overhang):
        return _stock_max_pool(x, ksize, strides, padding, data_format, name)
    size = ksize[0] * ksize[1]
    cropped = tf.shape(x)[0], rows * ksize[0], columns * ksize[1], channels

    @custom_gradient
    def value(x):
        y = _stock_max_pool(x, ksize, strides, padding, data_format, name)

        def gradient(g):
            tiles = tf.reshape(
                x[:, : cropped[1], : cropped[2]], [-1, rows, ksize[0], columns, ksize[1], channels]
            )
            windows = tf.reshape(
                tf.transpose(tiles, [0, 1, 3, 5, 2, 4]), [-1, rows, columns, channels, size]
            )
            # Among equal maxima, the first gets the gradient, as in TensorFlow.
            first = tf.one_hot(tf.argmax(windows, -1, tf.int32), size, dtype=g.dtype)
            shares = tf.reshape(
                g[..., None] * first, [-1, rows, columns, channels, ksize[0], ksize[1]]
            )
            result = tf.reshape(tf.transpose(shares, [0, 1, 4, 2, 5, 3]), cropped)
            return tf.pad(
                result, [[0, 0], [0, height - cropped[1]], [0, width - cropped[2]], [0, 0]]
            )

        return y, gradient

    return value(x)
