"""Scores by a network that compares a query with a prototype."""

import keras


@keras.saving.register_keras_serializable("keras_meta")
class RelationScores(keras.layers.Layer):
    """Scores each pair of a query `f` and a prototype `c_n` by a network: `g([c_n, f]) + b_n`.

    The layer is called with a list `[f, c, b]` of shapes `[n, ...]`, `[ways, ...]` and `[ways]`,
    and returns `[n, ways]`. The two members of a pair are concatenated along the last axis.

    Args:
        relation: A `keras.Model` from pairs to scores `[pairs, 1]`.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:

    ```python
    import keras
    import keras_meta

    relation = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    queries, prototypes, bias = (keras.ops.ones(shape) for shape in ((5, 2), (3, 2), (3,)))
    layer = keras_meta.layers.RelationScores(relation)
    assert layer([queries, prototypes, bias]).shape == (5, 3)
    ```

    Reference:
        [Sung et al., 2018](https://arxiv.org/abs/1711.06025)
    """

    def __init__(self, relation, **kwargs):
        super().__init__(**kwargs)
        self.relation = relation

    def call(self, inputs, training=False):
        queries, prototypes, bias = inputs
        ops = keras.ops
        count, ways = ops.shape(queries)[0], ops.shape(prototypes)[0]
        shape = (count, ways, *queries.shape[1:])
        pairs = ops.concatenate(
            [ops.broadcast_to(prototypes[None], shape), ops.broadcast_to(queries[:, None], shape)],
            axis=-1,
        )
        pairs = ops.reshape(pairs, (-1, *pairs.shape[2:]))
        scores = ops.cast(self.relation(pairs, training=training), bias.dtype)
        return ops.reshape(scores, (count, ways)) + bias

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], input_shape[1][0])

    def get_config(self):
        relation = keras.saving.serialize_keras_object(self.relation)
        return {**super().get_config(), "relation": relation}

    @classmethod
    def from_config(cls, config):
        relation = keras.saving.deserialize_keras_object(config.pop("relation"))
        return cls(relation, **config)
