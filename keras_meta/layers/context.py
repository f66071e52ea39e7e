"""Layers with a context vector, the only weights that adapt to a task (see `learners.CAVIA`)."""

import keras

CONTEXT = "context"


@keras.saving.register_keras_serializable("keras_meta")
class Context(keras.layers.Layer):
    """Appends a context vector to the features of each example: `[x, c]`.

    Args:
        size: int. Length of the context, which is initialised to zero.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:

    ```python
    import keras
    import keras_meta

    layer = keras_meta.layers.Context(5)
    assert layer(keras.ops.ones((2, 1))).shape == (2, 6)
    ```

    Reference:
        [Zintgraf et al., 2019](https://arxiv.org/abs/1810.03642)
    """

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.supports_masking = True

    def build(self, input_shape):
        self.context = self.add_weight(name=CONTEXT, shape=(self.size,), initializer="zeros")

    def call(self, x):
        context = keras.ops.cast(self.context, x.dtype)
        shape = (*keras.ops.shape(x)[:-1], self.size)
        return keras.ops.concatenate([x, keras.ops.broadcast_to(context, shape)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + self.size)

    def get_config(self):
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable("keras_meta")
class ContextFiLM(keras.layers.Layer):
    """Scales and shifts each channel by a linear function of a context.

        y = x (1 + g) + b,        [g, b] = c A

    Args:
        size: int. Length of the context `c`, which is initialised to zero. The matrix `A` is an
            ordinary weight.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:

    ```python
    import keras
    import keras_meta

    layer = keras_meta.layers.ContextFiLM(5)
    assert layer(keras.ops.ones((2, 4, 4, 3))).shape == (2, 4, 4, 3)
    ```

    Reference:
        [Zintgraf et al., 2019](https://arxiv.org/abs/1810.03642)
    """

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.supports_masking = True

    def build(self, input_shape):
        self.context = self.add_weight(name=CONTEXT, shape=(self.size,), initializer="zeros")
        self.modulation = self.add_weight(name="modulation", shape=(self.size, 2 * input_shape[-1]))

    def call(self, x):
        modulation = keras.ops.matmul(self.context[None], self.modulation)[0]
        scale, shift = keras.ops.split(keras.ops.cast(modulation, x.dtype), 2)
        return x * (1 + scale) + shift

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "size": self.size}
