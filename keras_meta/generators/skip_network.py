"""The small network that every part of a generator is."""

import keras


class SkipNetwork(keras.layers.Layer):
    """A linear map, and a network of one hidden layer beside it.

        y = A x + B relu(C x + c) + b

    What is simply linear, such as a mean of features that becomes the kernel of a classifier, need
    not find its way through the hidden layer.

    Args:
        units: int. Width of the hidden layer.
        size: int. Number of outputs.
        initializer: Initializer of `A` and `B`.
        **kwargs: See `keras.layers.Layer`.
    """

    def __init__(self, units, size, initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        dense, dtype = keras.layers.Dense, self.dtype_policy
        initializer = keras.initializers.get(initializer)
        self.hidden = dense(units, "relu", name="hidden", dtype=dtype)
        self.nonlinear = dense(size, kernel_initializer=initializer, name="nonlinear", dtype=dtype)
        self.linear = dense(
            size,
            use_bias=False,
            kernel_initializer=initializer.clone(),
            name="linear",
            dtype=dtype,
        )

    def build(self, input_shape):
        self.hidden.build(input_shape)
        self.nonlinear.build((None, self.hidden.units))
        self.linear.build(input_shape)

    def call(self, inputs):
        return self.linear(inputs) + self.nonlinear(self.hidden(inputs))
