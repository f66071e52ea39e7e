"""A learned deviation beside the mean of a distribution."""

import math

import keras


@keras.saving.register_keras_serializable("keras_meta")
class LogDeviation(keras.layers.Layer):
    """Appends learned logarithms of standard deviations, the same for all inputs.

        y = [x, l]

    Args:
        initial_std: float > 0. Initial standard deviation.
        **kwargs: See `keras.layers.Layer`.

    Example:

    ```python
    import keras
    from keras_meta.layers import LogDeviation

    y = LogDeviation(initial_std=1.0)(keras.ops.ones((3, 2)))
    assert y.shape == (3, 4)
    ```
    """

    def __init__(self, initial_std=1.0, **kwargs):
        super().__init__(**kwargs)
        if not initial_std > 0:
            raise ValueError(f"`initial_std` must be > 0. Received: initial_std={initial_std!r}.")
        self.initial_std = initial_std

    def build(self, input_shape):
        self.log_std = self.add_weight(
            shape=(input_shape[-1],),
            initializer=keras.initializers.Constant(math.log(self.initial_std)),
            name="log_std",
        )

    def call(self, inputs):
        log_std = keras.ops.broadcast_to(self.log_std, keras.ops.shape(inputs))
        return keras.ops.concatenate([inputs, log_std], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2 * input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "initial_std": self.initial_std}
