"""The small network from which the parts of a generator are built."""

import keras


class SkipNetwork(keras.layers.Layer):
    """The sum of a linear map and a network with one hidden layer.

        y = A x + B relu(C x + c) + b

    The linear map makes linear functions easy to learn, such as the one from the mean feature of a
    class to its column in the kernel of a classifier.

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
