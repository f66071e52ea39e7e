"""Scores of queries that agree with those of the nearest other queries."""

import keras

from keras_meta.layers.soft_k_means_scores import distance_scores

_NOT_ITSELF = 1e9


@keras.saving.register_keras_serializable("keras_meta")
class LaplacianScores(keras.layers.Layer):
    """Lets neighbouring queries have similar labels, by a Laplacian penalty.

    With the nearest-mean scores `a_n(f)`, and `w_ij = 1` if query `j` is one of the `neighbors`
    nearest to query `i`, the labels `p_i` are updated by

        p_i <- softmax(a(f_i) + strength sum_j w_ij p_j)

    If neighbours are mutual, `w_ij = w_ji`, what no update changes is a stationary point of
    `sum_i p_i (log p_i - a(f_i)) - strength / 2 sum_ij w_ij p_i p_j`. The layer is called with a
    list `[f, c, m, b]`, as `SoftKMeansScores` is, and returns the logits of the last update. It is
    transductive: the scores of a query depend on those that it is classified together with. In
    training, they are `a`.

    Args:
        strength: float. Weight of the agreement with the neighbours.
        neighbors: int. Number of neighbours of a query.
        steps: int. Number of updates.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:

    ```python
    import keras
    import keras_meta

    queries, means = keras.ops.ones((4, 2)), keras.ops.eye(2)
    layer = keras_meta.layers.LaplacianScores(strength=0.5)
    assert layer([queries, means, keras.ops.ones(2), keras.ops.zeros(2)]).shape == (4, 2)
    ```

    Reference:
        [Ziko et al., 2020](https://arxiv.org/abs/2006.15486)
    """

    def __init__(self, strength=1.0, neighbors=3, steps=20, **kwargs):
        super().__init__(**kwargs)
        self.strength = strength
        self.neighbors = neighbors
        self.steps = steps

    def call(self, inputs, training=False):
        queries, means, _, bias = inputs
        ops = keras.ops
        own = scores = distance_scores(queries, means, bias)
        if training:
            return own
        nearest = self._nearest(queries)
        for _ in range(self.steps):
            scores = own + self.strength * ops.matmul(nearest, ops.softmax(scores))
        return scores

    def _nearest(self, queries):
        """Returns `w`, of shape `[n, n]`."""
        ops = keras.ops
        squares = ops.sum(ops.square(queries), 1)
        distances = squares - 2.0 * ops.matmul(queries, ops.transpose(queries))
        place = ops.cumsum(ops.ones_like(squares))
        others = ops.cast(place[:, None] != place, queries.dtype)
        rank = ops.argsort(ops.argsort(distances + _NOT_ITSELF * (1.0 - others)))
        return others * ops.cast(rank < self.neighbors, queries.dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], input_shape[1][1])

    def get_config(self):
        own = {"strength": self.strength, "neighbors": self.neighbors, "steps": self.steps}
        return {**super().get_config(), **own}
