"""Weights of predictions: of tasks, of queries, or of positions in time; and Keras masks."""

import tensorflow as tf

from keras_meta.exact import private


def query_weights(y_pred, sample_weight, dtype):
    """Returns a weight for each prediction: the sample weight, and 0 where a Keras mask hides it.

    Args:
        y_pred: Tensor `[..., classes]`.
        sample_weight: Tensor that has the first axes of the result, or all, and broadcasts to it;
            or `None`.
        dtype: Dtype of the result.

    Returns:
        Tensor `[...]`.
    """
    weights = tf.ones(tf.shape(y_pred)[:-1], dtype)
    for factor in (sample_weight, private.keras_mask(y_pred)):
        if factor is not None:
            weights *= with_axes(tf.cast(factor, dtype), y_pred.shape.rank - 1)
    return weights


def with_axes(x, rank):
    """Returns a tensor with axes of length 1 appended, so that it has this rank."""
    return tf.reshape(x, tf.concat([tf.shape(x), tf.ones(rank - x.shape.rank, tf.int32)], 0))
