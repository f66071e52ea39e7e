"""Stock operations, written so that their second derivatives are right."""

import contextlib

import tensorflow as tf

from keras_meta.exact import private
from keras_meta.exact.normalization import exact_moments
from keras_meta.exact.replacement import replaced_for_all

_stock_resize = tf.image.resize


@contextlib.contextmanager
def second_derivatives():
    """Context in which stock Keras layers have right second derivatives, in your own tapes.

    TensorFlow differentiates three kinds of layers correctly once, but not twice:

    *   `BatchNormalization` (in training), `GroupNormalization` and `LayerNormalization` call
        `tf.nn.moments`, which computes the variance around a mean whose gradient is stopped. Second
        derivatives lack a term, silently. Meta-gradients of small networks were off by 4 to 36 %
        in norm. More precision does not help; the error shrinks only with the number of values
        that a mean is taken over.
    *   `UpSampling2D` and `Resizing`. With bilinear interpolation the gradient of the resizing is
        registered as a constant, so that second derivatives lack all that goes through it,
        silently. With other interpolations TensorFlow raises `LookupError`.
    *   The activation `"softsign"`: TensorFlow raises `LookupError`.

    This matters wherever a gradient is differentiated again: in bilevel problems (meta-learning,
    hyperparameters, learned losses), in losses on derivatives of a network (physics-informed
    networks, gradient penalties), and for Hessians and their products with vectors. Ordinary
    training takes first derivatives alone, and is right without this context. So are the learners
    of `keras_meta`, which normalise exactly and refuse a model with the other two kinds.

    Inside the context, these operations are replaced by others of the same value.

    The variance `v = E[(x - m)^2]` around the mean `m = E[x]` of `n` values has the derivative
    `dv/dm = -2 E[x - m] = 0`, and so stopping the gradient of `m` does no harm to first
    derivatives. But `dv/dm` is zero only because `m` follows `x`, and differentiating once more

        d2v / dx_i dx_j = 2/n ([i = j] - 1/n)

    while stock moments give `2/n [i = j]`. Here the gradient flows through `m` as well.

    Resizing is linear in the image, and it is separable: `y = R x C'`, with one matrix for rows and
    one for columns, whose products have all derivatives. The matrices are what the stock operation
    makes of unit vectors, so that every interpolation, antialiased or not, keeps its values.

    Softsign is computed as `x / (1 + |x|)`.

    What counts is whether operations run, or in a `tf.function` are traced, inside the context. A
    function that was traced inside keeps its derivatives when it is called outside. One that was
    traced outside does not change by being called inside, and one that is traced again outside, for
    other shapes, is traced with stock operations. So put the whole of a training inside, such as a
    call of `model.fit` whose `train_step` has two tapes.

    Contexts may be nested, and several threads may enter and leave in any order. Until the last has
    left, all threads of the program compute with the replacements, the replicas of a strategy among
    them; for threads that did not ask, only rounding differs. The context also works as a
    decorator.

    The cost is small: moments take about as long as stock ones, and resizing from `h` by `w` to `H`
    by `W` takes `H w (h + W)` multiplications a channel, in matrix products.

    Not mended are recurrent layers on cuDNN (give them `use_cudnn=False`) and layers that stop
    gradients by design, such as `SpectralNormalization`. `keras_meta.exact.second_order_problems`
    finds what a model has of the former, and of operations in general.

    Example: a Hessian-vector product, which stock layer normalisation gets wrong.

    ```python
    import keras
    import tensorflow as tf
    from keras_meta import exact

    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, "tanh"),
            keras.layers.LayerNormalization(),
            keras.layers.Dense(1),
        ]
    )
    x, y = tf.random.normal((16, 4)), tf.random.normal((16, 1))
    w = model.trainable_variables
    direction = [tf.random.normal(v.shape) for v in w]

    with exact.second_derivatives():
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
            gradient = inner.gradient(loss, w)
            slope = sum(tf.reduce_sum(g * d) for g, d in zip(gradient, direction))
        hessian_vector_product = outer.gradient(slope, w)
    ```
    """
    with replaced_for_all(
        [
            (*private.MOMENTS, exact_moments),
            (*private.RESIZE, resize),
            (*private.SOFTSIGN, softsign),
        ]
    ):
        yield


def resize(
    images, size, method="bilinear", preserve_aspect_ratio=False, antialias=False, name=None
):
    """Resizes images by two matrix products: `y = R x C'`. See `tf.image.resize`.

    Args:
        images: Tensor `[n, height, width, channels]` or `[height, width, channels]`.
        size: Pair of ints, the new height and width.
        method: See `tf.image.resize`.
        preserve_aspect_ratio: See `tf.image.resize`.
        antialias: See `tf.image.resize`.
        name: Optional name.

    Returns:
        Tensor of the type that `tf.image.resize` returns; float64 for float64.
    """
    images = tf.convert_to_tensor(images)
    if preserve_aspect_ratio or not images.dtype.is_floating:  # integers have no derivatives
        return _stock_resize(images, size, method, preserve_aspect_ratio, antialias, name)
    dtype = images.dtype if images.dtype == tf.float64 else tf.float32

    def matrix(axis, length):
        """What resizing makes of unit vectors: the columns of the matrix."""
        unit_images = tf.eye(images.shape[axis] or tf.shape(images)[axis])[:, :, None, None]
        resized = _stock_resize(unit_images, [length, 1], method, antialias=antialias)
        return tf.cast(tf.transpose(resized[:, :, 0, 0]), dtype)

    with tf.name_scope(name or "resize"):
        rows, columns = matrix(-3, size[0]), matrix(-2, size[1])
        wide = tf.cast(images, dtype)
        resized = tf.einsum("Hh,...hwc,Ww->...HWc", rows, wide, columns)
        return tf.cast(resized, images.dtype) if method == "nearest" else resized


def softsign(features, name=None):
    """`x / (1 + |x|)`. See `tf.nn.softsign`."""
    with tf.name_scope(name or "softsign"):
        features = tf.convert_to_tensor(features)
        return features / (1 + tf.abs(features))
