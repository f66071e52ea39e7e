"""Which layers of a model have weights."""

import keras

from keras_meta.exact.layers import layers_with_weights


class Holder(keras.layers.Layer):
    """A layer that holds another, which `model.layers` does not show."""

    def __init__(self):
        super().__init__()
        self.inner = keras.layers.Dense(2, name="hidden_inside")

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        return self.inner(x)


def nested_model():
    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="nested")])
    return keras.Sequential(
        [keras.Input((2,)), inner, Holder(), keras.layers.Dense(1, name="head")]
    )


def test_layers_with_weights_are_the_innermost_in_order():
    names = [layer.name for layer in layers_with_weights(nested_model())]
    assert names == ["nested", "hidden_inside", "head"]


def test_layers_inside_nested_models_are_in_order():
    """So that the last one, the head, is."""
    tail = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)])
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), tail])
    units = [layer.units for layer in layers_with_weights(model)]
    assert units == [3, 4, 2]
