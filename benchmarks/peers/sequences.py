"""The networks over tokens, written once for all peers in terms of a few functions of theirs."""


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


def transformer(ops, weights, tokens):
    """Embedding, one block of attention and a dense network, mean, logits."""
    (embedding, q, q_bias, k, k_bias, v, v_bias, out, out_bias, *rest) = weights
    scale_1, offset_1, wide, wide_bias, narrow, narrow_bias, scale_2, offset_2, dense, offset = rest

    def normalize(x, scale, offset):
        centred = x - ops.mean(x, -1, True)
        return centred * ops.rsqrt(ops.mean(centred**2, -1, True) + 1e-3) * scale + offset

    def heads(x, kernel, bias):
        return ops.einsum("nld,dhk->nlhk", x, kernel) + bias

    x = ops.take(embedding, tokens)
    queries, keys, values = heads(x, q, q_bias), heads(x, k, k_bias), heads(x, v, v_bias)
    scores = ops.einsum("nlhk,nmhk->nhlm", queries, keys) * q.shape[-1] ** -0.5
    attended = ops.einsum("nhlm,nmhk->nlhk", ops.softmax(scores), values)
    x = normalize(x + ops.einsum("nlhk,hkd->nld", attended, out) + out_bias, scale_1, offset_1)
    inside = ops.relu(x @ wide + wide_bias) @ narrow + narrow_bias
    x = normalize(x + inside, scale_2, offset_2)
    return ops.mean(x, 1, False) @ dense + offset


def network(work, ops):
    """Returns `(weights, tokens) -> logits`."""
    function = {"lstm": lstm, "transformer": transformer}[work.network]
    return lambda weights, tokens: function(ops, weights, tokens)
