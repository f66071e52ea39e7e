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

    TensorFlow gives three kinds of layers right first derivatives and wrong second ones:

    *   `BatchNormalization` (in training), `GroupNormalization` and `LayerNormalization` call
        `tf.nn.moments`, which computes the variance around a mean whose gradient is stopped. The
        second derivative lacks a term, silently. Meta-gradients of small networks were off by 4 to
        36 % in norm, and stay off however many examples or bits are used.
    *   `UpSampling2D` and `Resizing` with bilinear interpolation: the operation that derives the
        resizing counts as constant, so that what follows from it is lost, silently. With other
        methods it has no derivative, and TensorFlow raises `LookupError`.
    *   the activation `"softsign"`, with which it raises `LookupError`.

    It matters wherever a gradient is differentiated: in bilevel problems (meta-learning, learned
    losses, hyperparameters), in losses on derivatives of a network (physics-informed networks,
    gradient penalties), and in Hessians and products with them. Training by first derivatives is
    right without this context. Learners of `keras_meta` need it not: their normalisation is exact,
    and they refuse models with the other two.

    In the context, the operations are replaced by others of equal value.

    With the mean `m = E[x]`, the variance is `v = E[(x - m)^2]`. Its derivative in `m` is
    `-2 E[x - m] = 0`, which is why stopping the gradient of `m` does no harm to first derivatives.
    But the derivative of that zero is not zero:

        d2v / dx_i dx_j = 2/n ([i = j] - 1/n)

    of which stock moments give the first term alone. Here the gradient flows through `m`.

    Resizing is linear in the image, and separable, with one matrix for rows and one for columns:
    `y = R x C'`. These products have all derivatives. The matrices are what the stock operation
    gives for unit images, so that each method, antialiased or not, keeps its values.

    Softsign is `x / (1 + |x|)`.

    The cost is small. Moments take about as long as stock ones. Resizing an image of height `h` and
    width `w` to `H` by `W` takes `H w (h + W)` multiplications a channel, as matrix products.

    What counts is the context in which operations run, or, in a `tf.function`, are traced. A
    function traced inside keeps exact derivatives when it is called outside; one that was traced
    before does not get them by being called inside; and one that is called outside with other
    shapes is traced again, without. Put the whole of a training inside: both tapes must be, and
    `model.fit` with a `train_step` that has two tapes is.

    The context may be nested, and entered by several threads in any order. Until the last has left,
    all threads compute with the replacements, replicas of a strategy included; to those that did
    not ask, this makes a difference of rounding. It works as a decorator too.

    Not mended are recurrent layers on cuDNN (give them `use_cudnn=False`) and layers that stop
    gradients by design, such as `SpectralNormalization`. `keras_meta.exact.second_order_problems`
    tells what a model has of these.

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
