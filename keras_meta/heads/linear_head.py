"""A linear head whose weights belong to a task."""

import tensorflow as tf

from keras_meta.heads.linear import dense_head


class LinearHead:
    """The head `f W + b` of a task, for an embedding `f`.

    Args:
        dtype: Dtype of `W` and `b`.
    """

    names = ("kernel", "bias")

    def __init__(self, dtype):
        self.dtype = dtype

    def __call__(self, features, kernel, bias):
        """Returns the scores `[n, outputs]` of features `[n, embedding]`."""
        return tf.matmul(tf.cast(features, kernel.dtype), kernel) + bias

    def layer(self, kernel, bias):
        """Returns a `keras.layers.Dense` with these weights."""
        return dense_head(kernel, bias, self.dtype)
