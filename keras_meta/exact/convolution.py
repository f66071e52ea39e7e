"""Convolution of few small images, as an inner loop has them, by matrix products.

Convolution `f(x, w)` is linear in the image and in the kernel, so it has two adjoints, `f_x` (from
outputs to images) and `f_w` (from outputs to kernels). All derivatives of the three, of every
order, are these three again:

    df   : dx = f_x(g, w)    dw = f_w(x, g)
    df_x : dg = f(v, w)      dw = f_w(v, g)
    df_w : dx = f_x(g, u)    dg = f(x, u)

With the patches `P(x)` laid out as a matrix, `f = P(x) w` and `f_w = P(x)' g` are single matrix
products, and the patches are shared by all that involves the same images. On a CPU the library's
kernels for `f_w` need up to five times as long for the few positions of a support set.
"""

import functools

import keras
import numpy as np
import tensorflow as tf

from keras_meta.exact import private
from keras_meta.exact.custom_gradient import custom_gradient

# Beyond some times a core's cache, copying patches costs as much as it gains; for sequences sooner,
# whose stock kernels lose less.
max_patch_bytes = 2560 * 1024
_LESS_FOR_SEQUENCES = 8


def replacements():
    """Returns what puts `conv` in place of that of Keras."""
    return [(*private.CONVOLUTION, conv)]


def conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolves few small images, or few short sequences, by matrix products.

    What is larger, of half precision, dilated, in groups, or has channels first is left to Keras. A
    sequence is an image of height 1.

    Args:
        inputs: Tensor `[n, height, width, channels]`, or `[n, length, channels]`.
        kernel: Tensor `[height, width, channels, filters]`, or `[length, channels, filters]`.
        strides: int, or ints. See `keras.ops.conv`.
        padding: `"same"` or `"valid"`.
        data_format: See `keras.ops.conv`.
        dilation_rate: int, or ints. See `keras.ops.conv`.

    Returns:
        Tensor `[n, new_height, new_width, filters]`, or `[n, new_length, filters]`.
    """
    x, w = tf.convert_to_tensor(inputs), tf.convert_to_tensor(kernel)
    axes = w.shape.rank - 2
    steps, rates = (
        (k,) * axes if isinstance(k, int) else tuple(k) for k in (strides, dilation_rate)
    )
    last = keras.config.image_data_format() if data_format is None else data_format
    plain = axes in (1, 2) and set(rates) == {1} and last == "channels_last"
    if plain and x.shape[-1] == w.shape[-2]:
        limit = max_patch_bytes
        if axes == 1:
            x, w, steps, limit = x[:, None], w[None], (1, *steps), limit / _LESS_FOR_SEQUENCES
        if _pays(x, w, steps, padding.lower(), limit):
            y = convolve(x, w, steps, padding.lower())
            return y[:, 0] if axes == 1 else y
    return private.stock_convolution(inputs, kernel, strides, padding, data_format, dilation_rate)


def convolve(images, kernel, strides, padding):
    """Convolves images by a kernel, differentiable any number of times.

    Args:
        images: Float tensor `[n, height, width, channels]` of static shape.
        kernel: Float tensor `[kernel_height, kernel_width, channels, filters]`.
        strides: Pair of ints.
        padding: `"same"` or `"valid"`.

    Returns:
        Tensor `[n, new_height, new_width, filters]`.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta.exact.convolution import convolve

    images, kernel = tf.random.normal((5, 8, 8, 3)), tf.random.normal((3, 3, 3, 4))
    difference = convolve(images, kernel, (2, 2), "same") - tf.nn.conv2d(images, kernel, 2, "SAME")
    assert tf.reduce_max(abs(difference)) < 1e-4
    ```
    """
    images_shape, kernel_shape = tuple(images.shape), tuple(kernel.shape)
    rows, new_size = _patch_rows(images_shape[1:3], kernel_shape[:2], tuple(strides), padding)
    output_shape = (images_shape[0], *new_size, kernel_shape[3])
    patch_size = kernel_shape[0] * kernel_shape[1] * kernel_shape[2]

    def patches(x):
        # One more row, of zeros, is where patches reach beyond the border.
        x = tf.reshape(tf.stop_gradient(x), [images_shape[0], -1, images_shape[3]])
        gathered = tf.gather(tf.pad(x, [[0, 0], [0, 1], [0, 0]]), rows, axis=1)
        return tf.reshape(gathered, [-1, patch_size])

    def f(x, w, x_patches):
        @custom_gradient
        def value(x_, w_):
            del x_
            product = tf.matmul(x_patches, tf.reshape(w_, [patch_size, -1]))
            return tf.reshape(product, output_shape), lambda g: (f_x(g, w), f_w(x, g, x_patches))

        return value(x, w)

    def f_w(x, g, x_patches):
        @custom_gradient
        def value(x_, g_):
            del x_
            g_ = tf.reshape(g_, [-1, kernel_shape[3]])
            product = tf.matmul(x_patches, g_, transpose_a=True)
            return tf.reshape(product, kernel_shape), lambda u: (f_x(g, u), f(x, u, x_patches))

        return value(x, g)

    def f_x(g, w):
        @custom_gradient
        def value(g_, w_):
            def gradient(v):
                v_patches = patches(v)
                return f(v, w, v_patches), f_w(v, g, v_patches)

            x = tf.nn.conv2d_transpose(g_, w_, images_shape, strides, padding.upper())
            return x, gradient

        return value(g, w)

    return f(images, kernel, patches(images))


def _pays(images, kernel, strides, padding, limit):
    if not images.shape.is_fully_defined() or images.dtype not in (tf.float32, tf.float64):
        return False
    _, (height, width) = _patch_rows(
        tuple(images.shape[1:3]), tuple(kernel.shape[:2]), strides, padding
    )
    patch_size = kernel.shape[0] * kernel.shape[1] * kernel.shape[2]
    patch_bytes = images.shape[0] * height * width * patch_size * images.dtype.size
    return 0 < patch_bytes <= limit


@functools.lru_cache
def _patch_rows(size, kernel_size, strides, padding):
    """Which pixel stands at each place of each patch; `height * width` stands for the border.

    Returns:
        Tuple `(rows, new_size)`: int array `[new_height * new_width * places]`, and a pair.
    """
    axes = []
    for length, extent, stride in zip(size, kernel_size, strides, strict=True):
        if padding == "same":
            steps = -(-length // stride)
            before = max((steps - 1) * stride + extent - length, 0) // 2
        else:
            steps, before = max((length - extent) // stride + 1, 0), 0
        axes.append(np.arange(steps)[:, None] * stride + np.arange(extent) - before)
    y, x = axes[0][:, None, :, None], axes[1][None, :, None, :]
    inside = (y >= 0) & (y < size[0]) & (x >= 0) & (x < size[1])
    rows = np.where(inside, y * size[1] + x, size[0] * size[1])
    return rows.astype("int32").ravel(), (len(axes[0]), len(axes[1]))
