"""Attention over the examples of a support set."""

import keras

# Less than any log-probability of an example, and finite, so that no gradient is NaN.
_NEVER = -1e4


@keras.saving.register_keras_serializable("keras_meta")
class CosineAttention(keras.layers.Layer):
    """Returns log-probabilities of classes by attention over labelled examples.

    With queries `f`, examples `g_i` and their one-hot labels `y_i`, the output is

        log sum_i a_i y_i,    a = softmax_i(t cos(f, g_i)),    t learned

    The layer is called with a list `[f, g, y]` of shapes `[n, features]`, `[support, features]` and
    `[support, ways]`, and returns `[n, ways]`. With `processing_steps > 0`, each query is first
    replaced by the last `h` of an LSTM that attends to the examples:

        r_k = sum_i softmax_i(h_k g_i) g_i,    h_0 = 0
        h_{k+1}, c_{k+1} = LSTM([f, r_k], h_k, c_k),    h_{k+1} += f

    Args:
        processing_steps: int. Number of steps of the LSTM, which may be 0.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:

    ```python
    import keras
    import keras_meta

    queries, examples, labels = keras.ops.ones((4, 2)), keras.ops.ones((3, 2)), keras.ops.eye(3)
    layer = keras_meta.layers.CosineAttention(processing_steps=2)
    assert layer([queries, examples, labels]).shape == (4, 3)
    ```

    Reference:
        [Vinyals et al., 2016](https://arxiv.org/abs/1606.04080)
    """

    def __init__(self, processing_steps=0, **kwargs):
        super().__init__(**kwargs)
        self.processing_steps = processing_steps

    def build(self, input_shape):
        size = input_shape[0][-1]
        # Cosines are at most 1: without a larger scale no class gets a high probability.
        self.scale = self.add_weight(name="scale", initializer=keras.initializers.Constant(10))
        if self.processing_steps:
            # The cell has a seed variable even without dropout; it gets a fixed value.
            self.cell = keras.layers.LSTMCell(size, seed=0, dtype=self.dtype_policy)
            self.cell.build((None, 2 * size))

    def call(self, inputs):
        queries, examples, labels = inputs
        if self.processing_steps:
            queries = self._read(queries, examples)
        ops = keras.ops
        cosines = ops.matmul(ops.normalize(queries), ops.transpose(ops.normalize(examples)))
        attention = ops.log_softmax(self.scale * cosines)  # [n, support]
        of_class = ops.where(labels > 0, attention[:, :, None], _NEVER)  # [n, support, ways]
        return ops.logsumexp(of_class, axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], input_shape[2][-1])

    def _read(self, queries, examples):
        ops = keras.ops
        h = c = ops.zeros_like(queries)
        for _ in range(self.processing_steps):
            read = ops.matmul(ops.softmax(ops.matmul(h, ops.transpose(examples))), examples)
            h, (_, c) = self.cell(ops.concatenate([queries, read], -1), [h, c])
            h += queries
        return h

    def get_config(self):
        return {**super().get_config(), "processing_steps": self.processing_steps}
