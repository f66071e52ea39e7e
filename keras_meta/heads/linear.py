"""Linear heads on an embedding, and heads computed from class prototypes."""

import keras
import tensorflow as tf

# The score of a class without support examples, representable in half precision.
NEVER = -1e4


def one_hot_labels(support_y, num_ways=None):
    """Returns one-hot labels `[support, ways]`.

    Args:
        support_y: Class numbers `[support]` or `[support, 1]`, or one-hot labels `[support, ways]`,
            which are returned as they are.
        num_ways: int, or `None` for the largest class number plus one.
    """
    if is_one_hot(support_y):
        return support_y
    # Cast in any case: under a distribution strategy, Keras traces with means of labels.
    labels = tf.cast(tf.reshape(support_y, [-1]), tf.int32)
    return tf.one_hot(labels, tf.reduce_max(labels) + 1 if num_ways is None else num_ways)


def is_one_hot(support_y):
    """Whether the labels of a task are one-hot rather than class numbers."""
    return support_y.shape.rank == 2 and support_y.shape[-1] != 1


def prototype_head(features, one_hot):
    """Returns the linear head of the nearest-class-mean classifier.

    With `c_n` the mean of the features of class `n`,

        -|f - c_n|^2 = 2 c_n f - |c_n|^2 - |f|^2,    so that    W_n = 2 c_n,  b_n = -|c_n|^2

    give the same class probabilities as the squared distances. A class without examples gets a
    bias so low that it is never predicted.

    Args:
        features: Tensor `[support, features]`.
        one_hot: Tensor `[support, ways]`. See `one_hot_labels`.

    Returns:
        Tuple `(W, b)` of tensors `[features, ways]` and `[ways]`.
    """
    means, present = class_means(features, one_hot)
    bias = -tf.reduce_sum(tf.square(means), 0)
    # Squared distances are unbounded, but are never in half precision.
    return 2.0 * means, mask_absent_classes(bias, present, never=-1e9)


def cosine_head(features, one_hot, scale):
    """Returns the head of cosine similarity to class means: `W_n = t c_n / |c_n|, b_n = 0`.

    It expects query features of unit length.

    Args:
        features: Tensor `[support, features]`.
        one_hot: Tensor `[support, ways]`. See `one_hot_labels`.
        scale: Scalar `t`.

    Returns:
        Tuple `(W, b)`. See `prototype_head`.
    """
    means, present = class_means(features, one_hot)
    bias = mask_absent_classes(tf.zeros_like(means[0]), present)
    return scale * tf.nn.l2_normalize(means, 0), bias


def class_means(features, one_hot):
    """Returns the mean features of each class.

    Args:
        features: Tensor `[support, features]`.
        one_hot: Tensor `[support, ways]`. See `one_hot_labels`.

    Returns:
        Tuple of the means `[features, ways]`, zero for a class without examples, and a bool tensor
        `[ways]` of the classes that have examples.
    """
    one_hot = tf.cast(one_hot, features.dtype)
    count = tf.reduce_sum(one_hot, 0)
    means = tf.math.divide_no_nan(tf.matmul(features, one_hot, transpose_a=True), count)
    return means, count > 0


def classifier_head(kernel, one_hot, scale=1.0):
    """Returns `[t W, b]`, where `b` rules out classes without support examples."""
    bias = mask_absent_classes(tf.zeros_like(kernel[0]), tf.reduce_sum(one_hot, 0) > 0)
    return [scale * kernel, bias]


def mask_absent_classes(bias, present, never=NEVER):
    """Returns biases that rule out classes without support examples."""
    return tf.where(present, bias, tf.cast(never, bias.dtype))


def scores_spec(features, outputs, dtype):
    """Returns the symbolic scores `[n, outputs]` of examples.

    Args:
        features: Nest of `keras.KerasTensor` `[n, ...]`.
        outputs: int, or `None` if the labels of a task determine it.
        dtype: Dtype of the scores.
    """
    return keras.KerasTensor((keras.tree.flatten(features)[0].shape[0], outputs), dtype)


def dense_head(kernel, bias, dtype):
    """Returns a linear layer with these weights.

    Args:
        kernel: Tensor `[features, outputs]`.
        bias: Tensor `[outputs]`.
        dtype: `keras.DTypePolicy` of the layer.
    """
    layer = keras.layers.Dense(bias.shape[0], name="head", dtype=dtype)
    layer.build((None, kernel.shape[0]))
    layer.kernel.assign(kernel)
    layer.bias.assign(bias)
    return layer
