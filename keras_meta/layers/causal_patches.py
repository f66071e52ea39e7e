"""What each position of a sequence sees in a causal convolution."""

import keras


@keras.saving.register_keras_serializable("keras_meta")
class CausalPatches(keras.layers.Layer):
    """Concatenates the features of each position and of some earlier ones.

        y_t = [x_{t - (n - 1) d}, ..., x_{t - d}, x_t],      x_t = 0 for t < 0

    A dense layer on these patches is a causal convolution with kernel size `n` and dilation `d`.
    Unlike `Conv1D`, a dense layer is fast for few and short sequences, also in its derivatives, and
    has all that dense layers have here: LoRA, and modulation by `generators.FiLM`.

    Args:
        size: int. Number of positions in a patch, `n`.
        dilation: int. Their distance, `d`.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:

    ```python
    import keras
    import keras_meta

    x = keras.ops.reshape(keras.ops.arange(4.0), (1, 4, 1))
    y = keras_meta.layers.CausalPatches(size=2, dilation=2)(x)
    assert y[0].numpy().tolist() == [[0, 0], [0, 1], [0, 2], [1, 3]]
    ```

    Reference:
        [van den Oord et al., 2016](https://arxiv.org/abs/1609.03499)
    """

    def __init__(self, size=3, dilation=1, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.dilation = dilation
        self.supports_masking = True

    def call(self, x):
        before = (self.size - 1) * self.dilation
        padded = keras.ops.pad(x, [[0, 0], [before, 0], [0, 0]])
        time = keras.ops.shape(x)[1]
        shifted = [padded[:, i * self.dilation :][:, :time] for i in range(self.size)]
        return keras.ops.concatenate(shifted, axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.size * input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "size": self.size, "dilation": self.dilation}
