"""Attention of queries to the examples of a support set, with cached keys and values."""

import math

import keras
from keras import ops

# At this number of keys, scores have their usual scale, before it is learned.
_USUAL_KEYS = 100.0


@keras.saving.register_keras_serializable("keras_meta")
class Attention(keras.layers.Layer):
    """Multi-head attention to keys and values that are computed beforehand.

    For each head, with queries `Q` and `n` keys `K` and values `V` of size `d`,

        softmax(t log(n) Q K^T / sqrt(d)) V,    t learned

    The factor `log(n)` keeps attention from fading where there are more keys than in training.

    Args:
        num_heads: int, which divides the width.
        compares: bool. Whether it begins as a comparison, with keys that are made like queries and
            a last product that undoes the one that makes values.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:

    ```python
    import keras
    from keras_meta.layers.context_attention import Attention

    attention = Attention(num_heads=2)
    attention.build((None, 8))
    keys, values = attention.keys_values(keras.ops.ones((5, 8)))
    assert attention(keras.ops.ones((3, 8)), keys, values).shape == (3, 8)
    ```

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762);
        [Nakanishi, 2025](https://arxiv.org/abs/2501.19399), the scale
    """

    def __init__(self, num_heads, compares=False, **kwargs):
        super().__init__(**kwargs)
        self.num_heads, self.compares = num_heads, compares

    def build(self, input_shape):
        width = input_shape[-1]
        self.head_size = width // self.num_heads

        def dense(units, name, kernel):
            layer = keras.layers.Dense(
                units, use_bias=False, kernel_initializer=kernel, name=name, dtype=self.dtype_policy
            )
            layer.build((None, width))
            return layer

        def keys_like_queries(shape, dtype):
            values = keras.initializers.Orthogonal()((width, width), dtype)
            return ops.concatenate([ops.cast(self.query.kernel, dtype), values], 1)

        def undoing_values(shape, dtype):
            return ops.transpose(ops.cast(self.key_value.kernel[:, width:], dtype))

        starts = [keys_like_queries, undoing_values] if self.compares else ["glorot_uniform"] * 2
        self.query = dense(width, "query", "glorot_uniform")
        self.key_value = dense(2 * width, "key_value", starts[0])
        self.merge = dense(width, "merge", starts[1])
        self.scale = self.add_weight(
            name="scale",
            shape=(self.num_heads, 1, 1),
            initializer=keras.initializers.Constant(1.0 / math.log(_USUAL_KEYS)),
        )

    def keys_values(self, context):
        """Returns the keys and values of examples.

        Args:
            context: Tensor `[..., n, width]`.

        Returns:
            List of two tensors `[..., heads, n, head size]`.
        """
        return [self._heads(x) for x in ops.split(self.key_value(context), 2, axis=-1)]

    def call(self, x, keys, values):
        count = ops.cast(ops.shape(keys)[-2], self.compute_dtype)
        scale = self.scale * ops.log(count) / math.sqrt(self.head_size)
        scores = ops.matmul(self._heads(self.query(x)) * scale, ops.swapaxes(keys, -1, -2))
        read = ops.swapaxes(ops.matmul(ops.softmax(scores), values), -2, -3)
        return self.merge(ops.reshape(read, ops.shape(x)))

    def _heads(self, x):
        x = ops.reshape(x, (*ops.shape(x)[:-1], self.num_heads, self.head_size))
        return ops.swapaxes(x, -2, -3)

    def get_config(self):
        return {**super().get_config(), "num_heads": self.num_heads, "compares": self.compares}


@keras.saving.register_keras_serializable("keras_meta")
class ContextBlock(keras.layers.Layer):
    """A block of a transformer in which all examples attend to those of the support set only.

    An example is a row of `columns` tokens, of which the last holds the label. With `N` a
    normalisation and `K`, `V` the keys and values of the support set,

        x <- x + attention of each row over its columns (N x)
        x <- x + attention of each column to the support rows (N x; K, V)
        x <- x + MLP(N x)

    Since `K` and `V` do not depend on queries, each query is predicted on its own.

    Args:
        num_heads: int.
        factor: int. The hidden layer of the MLP is this many times as wide.
        mixes_columns: bool. Whether there is the first line; without it, an example is one token.
        compares: bool. Whether the second line begins as a comparison: see `Attention`.
        last: bool. Whether only the token of the label goes on.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(
        self, num_heads, factor=2, mixes_columns=True, compares=False, last=False, **kwargs
    ):
        super().__init__(**kwargs)
        self.num_heads, self.factor = num_heads, factor
        self.mixes_columns, self.compares, self.last = mixes_columns, compares, last

    def build(self, input_shape):
        width, policy = input_shape[-1], self.dtype_policy
        shape = (None, width)

        def part(layer, shape=shape):
            layer.build(shape)
            return layer

        def norm(name):
            return part(keras.layers.RMSNormalization(name=name, dtype=policy))

        if self.mixes_columns:
            self.column_norm = norm("column_norm")
            self.columns = part(Attention(self.num_heads, name="columns", dtype=policy))
        self.row_norm, self.mlp_norm = norm("row_norm"), norm("mlp_norm")
        self.rows = part(Attention(self.num_heads, self.compares, name="rows", dtype=policy))
        units = self.factor * width
        self.expand = part(keras.layers.Dense(units, "gelu", name="expand", dtype=policy))
        contract = keras.layers.Dense(width, name="contract", dtype=policy)
        self.contract = part(contract, (*shape[:-1], units))

    def mix(self, x):
        """Attention of each row over its columns: `[tasks, columns, rows, width]`."""
        if not self.mixes_columns:
            return x
        rows = ops.swapaxes(x, 1, 2)
        normed = self.column_norm(rows)
        if self.last:
            rows, own = rows[:, :, -1:], normed[:, :, -1:]
        else:
            own = normed
        rows = rows + self.columns(own, *self.columns.keys_values(normed))
        return ops.swapaxes(rows, 1, 2)

    def keys_values(self, x):
        """The keys and values of support rows `x`, from `mix`."""
        return self.rows.keys_values(self.row_norm(x))

    def call(self, x, keys, values):
        """Attention of rows `x`, from `mix`, to the support rows, and the MLP."""
        x = x + self.rows(self.row_norm(x), keys, values)
        return x + self.contract(self.expand(self.mlp_norm(x)))

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "factor": self.factor,
            "mixes_columns": self.mixes_columns,
            "compares": self.compares,
            "last": self.last,
        }


def read_context(blocks, x):
    """Reads a support set.

    Args:
        blocks: List of `ContextBlock`.
        x: Tokens of the support set `[tasks, columns, rows, width]`.

    Returns:
        List of tensors, the keys and values of each block: the state of the task.
    """
    state = []
    for block in blocks:
        x = block.mix(x)
        state += block.keys_values(x)
        x = block(x, *state[-2:])
    return state


def predict_context(blocks, x, state):
    """Returns the tokens of queries `x` after all blocks, given the state of the task."""
    for block, keys, values in zip(blocks, state[::2], state[1::2], strict=True):
        x = block(block.mix(x), keys, values)
    return x
