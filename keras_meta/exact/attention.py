"""Attention as products of matrices, whose derivatives share what it has transposed."""

import tensorflow as tf

from keras_meta.exact import private

_HEADS_FIRST = [0, 2, 1, 3]


def replacements():
    """Returns what puts `dot_product_attention` in place of that of Keras."""
    return [(*private.ATTENTION, dot_product_attention)]


def dot_product_attention(
    query, key, value, bias=None, mask=None, scale=None, is_causal=False, **kwargs
):
    """Attends from each place of `query` to places of `key`: `softmax(s Q K' + b) V` for each head.

    Keras contracts by `einsum`, which transposes its operands in every call, in all derivatives
    anew, and masks by a selection, which is slow where the mask is broadcast. Here queries, keys
    and values are transposed once, and a mask `a` of zeros and ones masks logits `l` as
    `a l + (a - 1) c` with a large `c`, which is the same number for finite logits: `l` or `-c`.

    Half precision, and keys of which several heads share one, are left to Keras.

    Args:
        query: Tensor `[batch, places, heads, size]`.
        key: Tensor `[batch, other places, heads, size]`.
        value: Tensor `[batch, other places, heads, size]`.
        bias: Tensor that is added to the logits, of a shape that broadcasts to
            `[batch, heads, places, other places]`, or `None`.
        mask: bool tensor of such a shape, false where a place does not attend, or `None`.
        scale: float `s`, or `None` for `size**-0.5`.
        is_causal: bool. Whether no place attends to later ones.
        **kwargs: See `keras.ops.dot_product_attention`.

    Returns:
        Tensor of the shape of `query`, with the size of `value`.
    """
    tensors = [tf.convert_to_tensor(x) for x in (query, key, value)]
    if any(kwargs.values()) or not _plain(*tensors):
        return private.stock_attention(query, key, value, bias, mask, scale, is_causal, **kwargs)
    queries, keys, values = (tf.transpose(x, _HEADS_FIRST) for x in tensors)
    dtype = queries.dtype
    scale = tf.cast(keys.shape[-1] ** -0.5 if scale is None else scale, dtype)
    logits = scale * tf.matmul(queries, keys, transpose_b=True)
    if bias is not None:
        logits += tf.cast(bias, dtype)
    if is_causal:
        past = tf.linalg.band_part(tf.ones(tf.shape(logits)[-2:], "bool"), -1, 0)
        mask = past if mask is None else tf.logical_and(past, mask)
    if mask is not None:
        attends = tf.cast(mask, dtype)
        logits = attends * logits + 0.7 * dtype.max * (attends - 1)
    return tf.transpose(tf.matmul(tf.nn.softmax(logits), values), _HEADS_FIRST)


def _plain(*tensors):
    """Whether all have the same heads of known size, in single or double precision."""
    return (
        all(x.shape.rank == 4 and x.shape[-1] is not None for x in tensors)
        and len({x.shape[2] for x in tensors}) == 1
        and {x.dtype for x in tensors} in ({tf.float32}, {tf.float64})
    )
