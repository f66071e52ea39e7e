"""A transformer that reads embedded, labelled examples and scores others."""

import keras
from keras import ops

from keras_meta.heads.linear import NEVER
from keras_meta.layers.context_attention import ContextBlock, predict_context, read_context


@keras.saving.register_keras_serializable("keras_meta")
class ContextScores(keras.layers.Layer):
    """Scores examples by attention to a support set that was read before.

    A support example is a token `W f_i + E y_i`, with `y_i` its one-hot label or its values, and a
    query is a token `W f + u`, with `u` learned. They go through the same blocks, see
    `ContextBlock`; the scores of a query are a linear function of its last token.

    It begins as nearest neighbours, `K = Q`, and reads out the targets that it has found by `E`.
    From other weights, training first spends hundreds of steps without any progress.

    `read(features, targets)` returns the head of a task: keys and values of each block and, for
    classes, a bias that rules out those without examples. The layer is called with a list
    `[f, *head]`, `f` of shape `[n, features]`, and returns `[n, outputs]`.

    Args:
        width: int. The size of a token.
        num_blocks: int.
        num_heads: int, which divides `width`.
        max_ways: int. The most classes of a task; `None` for values.
        num_values: int. The number of values to predict; `None` for classes.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:

    ```python
    import keras
    from keras_meta.layers.context_scores import ContextScores

    layer = ContextScores(width=8, num_blocks=2, num_heads=2, max_ways=4)
    layer.build([(None, 5)])
    head = layer.read(keras.ops.ones((3, 5)), keras.ops.eye(3))
    assert layer([keras.ops.ones((6, 5)), *head]).shape == (6, 3)
    ```
    """

    def __init__(self, width=64, num_blocks=4, num_heads=4, max_ways=10, num_values=None, **kwargs):
        super().__init__(**kwargs)
        self.width, self.num_blocks, self.num_heads = width, num_blocks, num_heads
        self.max_ways, self.num_values = max_ways, num_values

    def build(self, input_shape):
        outputs = self.max_ways if self.num_values is None else self.num_values

        def dense(name, size, units, **kwargs):
            layer = keras.layers.Dense(units, name=name, dtype=self.dtype_policy, **kwargs)
            layer.build((None, size))
            return layer

        def as_targets(shape, dtype):
            return ops.cast(ops.transpose(self.embed_target.kernel), dtype)

        self.embed = dense("embed", input_shape[0][-1], self.width)
        self.embed_target = dense("embed_target", outputs, self.width, use_bias=False)
        self.unknown = self.add_weight(
            name="unknown", shape=(self.width,), initializer=keras.initializers.RandomNormal()
        )
        self.blocks = []
        for number in range(self.num_blocks):
            block = ContextBlock(
                self.num_heads,
                mixes_columns=False,
                compares=True,
                name=f"block_{number}",
                dtype=self.dtype_policy,
            )
            block.build((None, self.width))
            self.blocks.append(block)
        self.norm = keras.layers.RMSNormalization(name="norm", dtype=self.dtype_policy)
        self.norm.build((None, self.width))
        self.outputs = dense("outputs", self.width, outputs, kernel_initializer=as_targets)

    def read(self, features, targets):
        """Reads a support set.

        Args:
            features: Tensor `[support, features]`.
            targets: One-hot labels `[support, ways]`, or values `[support, num_values]`.

        Returns:
            List of tensors, the head of the task.
        """
        if self.num_values is not None:
            return read_context(self.blocks, self.embed(features) + self.embed_target(targets))
        codes = ops.pad(targets, ((0, 0), (0, self.max_ways - ops.shape(targets)[1])))
        context = read_context(self.blocks, self.embed(features) + self.embed_target(codes))
        absent = ops.max(targets, 0) == 0
        return [*context, ops.where(absent, ops.cast(NEVER, targets.dtype), 0.0)]

    def call(self, inputs):
        features, *head = inputs
        bias = head.pop() if self.num_values is None else None
        h = predict_context(self.blocks, self.embed(features) + self.unknown, head)
        scores = self.outputs(self.norm(h))
        return scores if bias is None else scores[:, : ops.shape(bias)[0]] + bias

    def compute_output_shape(self, input_shape):
        outputs = input_shape[-1][0] if self.num_values is None else self.num_values
        return (input_shape[0][0], outputs)

    def get_config(self):
        return {
            **super().get_config(),
            "width": self.width,
            "num_blocks": self.num_blocks,
            "num_heads": self.num_heads,
            "max_ways": self.max_ways,
            "num_values": self.num_values,
        }
