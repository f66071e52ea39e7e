"""Scores of queries by class means that the queries themselves refine."""

import keras


@keras.saving.register_keras_serializable("keras_meta")
class SoftKMeansScores(keras.layers.Layer):
    """Moves class means towards the queries that probably belong to them: soft k-means.

    From the means `c_n` of the `m_n` support examples of each class, `steps` times,

        p_n(f) = softmax_n(-|f - c_n|^2)
        c_n <- (m_n c_n^0 + sum over queries of p_n(f) f) / (m_n + sum over queries of p_n(f))

    where `c_n^0` are the means that it started from. The layer is called with a list
    `[f, c, m, b]` of shapes `[n, features]`, `[features, ways]`, `[ways]` and `[ways]`, and returns
    the logits `2 c_n f - |c_n|^2 + b_n`. It is transductive: the scores of a query depend on those
    that it is classified together with. In training, the means stay as they are.

    Args:
        steps: int. Number of refinements.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:

    ```python
    import keras
    import keras_meta

    queries, means = keras.ops.ones((4, 2)), keras.ops.eye(2)
    layer = keras_meta.layers.SoftKMeansScores(steps=3)
    assert layer([queries, means, keras.ops.ones(2), keras.ops.zeros(2)]).shape == (4, 2)
    ```

    Reference:
        [Ren et al., 2018](https://arxiv.org/abs/1803.00676)
    """

    def __init__(self, steps=10, **kwargs):
        super().__init__(**kwargs)
        self.steps = steps

    def call(self, inputs, training=False):
        queries, means, counts, bias = inputs
        ops, refined = keras.ops, means
        for _ in range(0 if training else self.steps):
            p = ops.softmax(distance_scores(queries, refined, bias))
            total = counts * means + ops.matmul(ops.transpose(queries), p)
            # A class without examples has no mean, and no query belongs to it.
            refined = total / ops.maximum(counts + ops.sum(p, 0), keras.config.epsilon())
        return distance_scores(queries, refined, bias)

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], input_shape[1][1])

    def get_config(self):
        return {**super().get_config(), "steps": self.steps}


def distance_scores(queries, means, bias):
    """Returns `2 c_n f - |c_n|^2 + b_n`, which is `-|f - c_n|^2 + b_n` up to a constant."""
    ops = keras.ops
    return 2.0 * ops.matmul(queries, means) - ops.sum(ops.square(means), 0) + bias
