"""Weights of tasks, of queries, or of the positions of sequences."""

import tensorflow as tf

from keras_meta.outer_loop.padding import QUERY_MASK


def aligned(sample_weight, inputs, loss_axes):
    """Returns weights that broadcast to the losses of a batch.

    Args:
        sample_weight: Tensor `[tasks]`, `[tasks, queries]` or, for sequences, `[tasks, queries,
            time]`.
        inputs: An episode batch.
        loss_axes: int. The number of axes of the losses: 2 for one loss for each query, 3 for one
            for each position of a sequence.

    Returns:
        Tensor with this number of axes, those that were missing of length 1. If there is a query
        mask, its second axis is that of the queries.

    Raises:
        ValueError: If the weights have too many axes.
    """
    rank = sample_weight.shape.rank  # unknown if a trace has seen several forms
    if rank is not None and not 1 <= rank <= loss_axes:
        time = ", or [tasks, queries, time]" if loss_axes > 2 else ""
        raise ValueError(
            f"`sample_weight` must be [tasks] or [tasks, queries]{time}. "
            f"Received: shape {sample_weight.shape}."
        )
    if rank == loss_axes and QUERY_MASK not in inputs:
        return sample_weight
    missing = tf.ones([loss_axes - tf.rank(sample_weight)], tf.int32)
    known = sample_weight.shape[:] if rank is not None else [None] * loss_axes
    shape = [*known, *[1] * (loss_axes - len(known))]
    weight = tf.reshape(sample_weight, tf.concat([tf.shape(sample_weight), missing], 0))
    weight.set_shape(shape)
    if QUERY_MASK in inputs:
        of_queries = tf.concat([tf.shape(inputs[QUERY_MASK]), tf.shape(weight)[2:]], 0)
        weight = tf.broadcast_to(weight, of_queries)
        weight.set_shape([*inputs[QUERY_MASK].shape, *shape[2:]])
    return weight
