"""Tasks of unequal size in one batch: padding is removed again, task by task."""

import tensorflow as tf

from keras_meta.exact import keras_masks
from keras_meta.heads.linear import NEVER, is_one_hot

SUPPORT_MASK, QUERY_MASK = MASKS = ("support_mask", "query_mask")


def is_padded(inputs):
    """Whether an episode batch, or a task, has masks of its real examples."""
    return any(key in inputs for key in MASKS)


def cut(inputs, *of_queries):
    """Removes the padding of a task.

    Args:
        inputs: dict of one task, with or without masks.
        *of_queries: Nests of tensors `[query, ...]`, or `None`.

    Returns:
        List of the inputs, without masks, and of the other nests.
    """
    masks = {key: inputs[key] for key in MASKS if key in inputs}
    inputs = {key: value for key, value in inputs.items() if key not in MASKS}
    if SUPPORT_MASK in masks:
        for key in ("support_x", "support_y"):
            inputs[key] = _real(inputs[key], masks[SUPPORT_MASK])
    if QUERY_MASK in masks:
        inputs["query_x"], *of_queries = _real([inputs["query_x"], *of_queries], masks[QUERY_MASK])
    return [inputs, *of_queries]


def spread(predictions, inputs, num_ways=None):
    """Puts the predictions for real queries at the queries' positions, and zeros at padding.

    Args:
        predictions: Tensor `[real queries, ..., ways]`.
        inputs: dict of the task, with its masks if it has any.
        num_ways: Scalar tensor. Outputs are padded to this number with scores that never win.

    Returns:
        Tensor `[queries, ..., ways]`.
    """
    if num_ways is not None:
        missing = num_ways - tf.shape(predictions)[-1]
        paddings = [[0, 0]] * (predictions.shape.rank - 1) + [[0, missing]]
        never = tf.cast(NEVER, predictions.dtype)
        predictions = tf.pad(predictions, paddings, constant_values=never)
    if QUERY_MASK not in inputs:
        return predictions
    mask = tf.cast(inputs[QUERY_MASK], tf.bool)
    shape = tf.concat([tf.shape(mask), tf.shape(predictions)[1:]], 0)
    result = tf.scatter_nd(tf.where(mask), predictions, tf.cast(shape, tf.int64))
    result.set_shape([*mask.shape, *predictions.shape[1:]])
    return result


def num_ways(inputs):
    """The largest number of ways in an episode batch; `None` if its support labels are one-hot."""
    labels = inputs["support_y"]
    if is_one_hot(labels[0]):
        return None
    if SUPPORT_MASK in inputs:
        labels = tf.where(tf.cast(inputs[SUPPORT_MASK], tf.bool), labels, 0)
    return tf.cast(tf.reduce_max(labels), tf.int32) + 1


def real_queries(inputs, *of_queries):
    """Concatenates the queries of all tasks, without padding.

    Args:
        inputs: An episode batch.
        *of_queries: Nests of tensors `[tasks, query, ...]`, or `None`.

    Returns:
        List of nests of tensors `[real queries of all tasks, ...]`; the input if there is no mask.
    """
    if QUERY_MASK not in inputs:
        return list(of_queries)
    return _real(list(of_queries), inputs[QUERY_MASK])


def _real(nest, mask):
    mask = tf.cast(mask, tf.bool)
    return keras_masks.carried(lambda x: tf.boolean_mask(x, mask), nest)
