"""Learned positions of a sequence."""

import keras


@keras.saving.register_keras_serializable("keras_meta")
class Positions(keras.layers.Layer):
    """Adds a learned vector to each position of a sequence: `y_t = x_t + p_t`.

    Args:
        length: int. The longest sequence.
        **kwargs: Passed to `keras.layers.Layer`.

    Example:

    ```python
    import keras
    import keras_meta

    layer = keras_meta.layers.Positions(length=8)
    assert layer(keras.ops.ones((2, 5, 3))).shape == (2, 5, 3)
    ```

    Reference:
        [Gehring et al., 2017](https://arxiv.org/abs/1705.03122)
    """

    def __init__(self, length, **kwargs):
        super().__init__(**kwargs)
        self.length = length
        self.supports_masking = True

    def build(self, input_shape):
        self.table = self.add_weight(
            name="table", shape=(self.length, input_shape[-1]), initializer="uniform"
        )

    def call(self, x):
        return x + keras.ops.cast(self.table, x.dtype)[: keras.ops.shape(x)[1]]

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "length": self.length}
