"""The networks over tokens, written once for all peers in terms of a few functions of theirs."""

import numpy as np


def lstm(ops, weights, tokens):
    """Embedding, LSTM, logits from the last state."""
    embedding, kernel, recurrent, bias, dense, offset = weights
    x = ops.take(embedding, tokens) @ kernel + bias
    hidden = cell = ops.zeros(tokens.shape[0], recurrent.shape[0])
    size = recurrent.shape[0]
    for step in range(tokens.shape[1]):
        gates = x[:, step] + hidden @ recurrent
        taken, kept, new, shown = (gates[:, i * size : (i + 1) * size] for i in range(4))
        cell = ops.sigmoid(kept) * cell + ops.sigmoid(taken) * ops.tanh(new)
        hidden = ops.sigmoid(shown) * ops.tanh(cell)
    return hidden @ dense + offset


def normalized(ops, x, scale, offset):
    """Layer normalisation."""
    centred = x - ops.mean(x, -1, True)
    return centred * ops.rsqrt(ops.mean(centred**2, -1, True) + 1e-3) * scale + offset


def attended(ops, weights, x, mask=None):
    """Attention of all places to each other, with a mask that is added to the logits."""
    q, q_bias, k, k_bias, v, v_bias, out, out_bias = weights

    def heads(kernel, bias):
        return ops.einsum("nld,dhk->nlhk", x, kernel) + bias

    queries, keys, values = heads(q, q_bias), heads(k, k_bias), heads(v, v_bias)
    scores = ops.einsum("nlhk,nmhk->nhlm", queries, keys) * q.shape[-1] ** -0.5
    scores = scores if mask is None else scores + mask
    mixed = ops.einsum("nhlm,nmhk->nlhk", ops.softmax(scores), values)
    return ops.einsum("nlhk,hkd->nld", mixed, out) + out_bias


def transformer(ops, weights, tokens):
    """Embedding, one block of attention and a dense network, mean, logits."""
    embedding, attention, rest = weights[0], weights[1:9], weights[9:]
    scale_1, offset_1, wide, wide_bias, narrow, narrow_bias, scale_2, offset_2, dense, offset = rest
    x = ops.take(embedding, tokens)
    x = normalized(ops, x + attended(ops, attention, x), scale_1, offset_1)
    inside = ops.relu(x @ wide + wide_bias) @ narrow + narrow_bias
    x = normalized(ops, x + inside, scale_2, offset_2)
    return ops.mean(x, 1, False) @ dense + offset


def gpt(ops, weights, tokens):
    """Embeddings of bytes and places, causal blocks that normalise first, logits at each place."""
    embedding, places, *weights = weights
    length = tokens.shape[1]
    future = ops.constant(np.triu(np.full((length, length), -1e9, "float32"), 1))
    x = ops.take(embedding, tokens) + places
    while len(weights) > 4:
        block, weights = weights[:16], weights[16:]
        x = x + attended(ops, block[2:10], normalized(ops, x, *block[:2]), future)
        scale, offset, wide, wide_bias, narrow, narrow_bias = block[10:]
        y = normalized(ops, x, scale, offset)
        x = x + ops.gelu(y @ wide + wide_bias) @ narrow + narrow_bias
    scale, offset, dense, bias = weights
    return normalized(ops, x, scale, offset) @ dense + bias


def with_lora(weights, lora):
    """Weights of `gpt` in which the kernels of dense layers have a product of two added."""
    weights = list(weights)
    places = [2 + 16 * block + within for block in range(len(weights) // 16) for within in (12, 14)]
    for place, a, b in zip(places, lora[::2], lora[1::2], strict=True):
        weights[place] = weights[place] + a @ b
    return weights


def network(work, ops, frozen=()):
    """Returns `(weights, tokens) -> logits`."""
    if work.network == "lora":
        return lambda lora, tokens: gpt(ops, with_lora(frozen, lora), tokens)
    function = {"lstm": lstm, "transformer": transformer, "gpt": gpt}[work.network]
    return lambda weights, tokens: function(ops, weights, tokens)
