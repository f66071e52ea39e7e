"""How a cell of a table is described to a network, relative to the support set."""

import math

import keras
from keras import ops

# Standardised numbers are clipped here: ranks tell outliers apart.
_LIMIT = 6.0
_OCTAVES = 4
NUM_FEATURES = 3 + 2 * _OCTAVES


def column_statistics(x):
    """Fits a description of columns to the support set.

    Args:
        x: Tensor `[tasks, rows, columns]`, NaN where a value is missing.

    Returns:
        dict of tensors: `"mean"` and `"scale"` `[tasks, 1, columns]` of the values that are not
        missing, and `"values"`, which is `x`.
    """
    present = ops.logical_not(ops.isnan(x))
    known = ops.where(present, x, ops.zeros_like(x))
    count = ops.maximum(ops.sum(ops.cast(present, x.dtype), 1, keepdims=True), 1.0)
    mean = ops.sum(known, 1, keepdims=True) / count
    deviation = ops.where(present, x - mean, ops.zeros_like(x))
    scale = ops.sqrt(ops.sum(ops.square(deviation), 1, keepdims=True) / count)
    # Rounding leaves a constant column with a standard deviation that is not zero.
    constant = scale <= 1e-6 * ops.abs(mean) + 1e-30
    scale = ops.where(constant, ops.ones_like(scale), scale)
    return {"mean": mean, "scale": scale, "values": x}


def cell_features(x, statistics):
    """Describes cells.

    A value becomes its standardised self `z`, its rank among the support rows, from -1 to 1,

        u = (share of smaller values) - (share of larger values)

    sines and cosines of the rank, and whether it is missing. A description of all rows does not
    depend on the other queries.

    Args:
        x: Tensor `[tasks, rows, columns]`, NaN where a value is missing.
        statistics: See `column_statistics`.

    Returns:
        Tensor `[tasks, rows, columns, NUM_FEATURES]`.
    """
    missing = ops.isnan(x)
    zeros = ops.zeros_like(x)
    z = ops.clip((x - statistics["mean"]) / statistics["scale"], -_LIMIT, _LIMIT)
    others, own = statistics["values"][:, None], x[:, :, None]
    known = ops.cast(ops.logical_not(ops.isnan(statistics["values"])), x.dtype)
    count = ops.maximum(ops.sum(known, 1, keepdims=True), 1.0)
    above = ops.cast(ops.greater(own, others), x.dtype) - ops.cast(ops.less(own, others), x.dtype)
    u = ops.where(missing, zeros, ops.sum(above, 2) / count)
    features = [ops.where(missing, zeros, z), u, ops.cast(missing, x.dtype)]
    for octave in range(_OCTAVES):
        angle = (math.pi * 2.0 ** (octave - 1)) * u
        features += [ops.sin(angle), ops.cos(angle)]
    return ops.stack(features, -1)


@keras.saving.register_keras_serializable("keras_meta")
class TableCells(keras.layers.Layer):
    """Embeds the cells of a table, `group_size` neighbouring columns to a token.

    A token is a linear function of the features of its cells and of a random code that tells it
    from other tokens.

    Args:
        width: int.
        group_size: int.
        num_codes: int, the most tokens of a row.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(self, width, group_size=2, num_codes=64, **kwargs):
        super().__init__(**kwargs)
        self.width, self.group_size, self.num_codes = width, group_size, num_codes

    def build(self, input_shape=None):
        size = self.group_size * (NUM_FEATURES + 1)
        self.embed = keras.layers.Dense(self.width, name="embed", dtype=self.dtype_policy)
        self.embed.build((None, size))
        self.place = keras.layers.Dense(
            self.width, use_bias=False, name="place", dtype=self.dtype_policy
        )
        code_size = self.width // 4
        self.place.build((None, code_size))
        self.codes = self.add_weight(
            name="codes",
            shape=(self.num_codes, code_size),
            initializer=keras.initializers.RandomNormal(stddev=1.0, seed=0),
            trainable=False,
        )

    def call(self, x, statistics, categories, places=None):
        """Embeds cells.

        Args:
            x: Tensor `[tasks, rows, columns]`.
            statistics: See `column_statistics`.
            categories: Tensor `[tasks, columns]`, 1 for columns of categories, else 0.
            places: int tensor `[num_codes]`, an order of the codes, or `None`.

        Returns:
            Tensor `[tasks, tokens, rows, width]`.
        """
        cells = cell_features(x, statistics)
        kind = ops.broadcast_to(categories[:, None, :, None], ops.shape(cells[..., :1]))
        cells = ops.concatenate([cells, ops.cast(kind, cells.dtype)], -1)
        tasks, rows, columns = ops.shape(x)
        tokens = -(-columns // self.group_size)
        added = tokens * self.group_size - columns
        cells = ops.pad(cells, ((0, 0), (0, 0), (0, added), (0, 0)))
        size = self.group_size * (NUM_FEATURES + 1)
        cells = ops.reshape(cells, (tasks, rows, tokens, size))
        codes = self.codes if places is None else ops.take(self.codes, places, 0)
        codes = self.place(codes[:tokens])
        return self.embed(ops.swapaxes(cells, 1, 2)) + codes[:, None]

    def get_config(self):
        return {
            **super().get_config(),
            "width": self.width,
            "group_size": self.group_size,
            "num_codes": self.num_codes,
        }
