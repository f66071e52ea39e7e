"""Layers with a context vector."""

import keras
import numpy as np
import pytest

from keras_meta.layers import Context, ContextFiLM

X = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")


def test_a_context_is_appended_to_each_example():
    layer = Context(2)
    np.testing.assert_array_equal(layer(X), np.concatenate([X, np.zeros((2, 4, 2))], -1))
    layer.context.assign([5.0, 7.0])
    expected = np.concatenate([X, np.tile([5.0, 7.0], (2, 4, 1))], -1)
    np.testing.assert_array_equal(layer(X), expected.astype("float32"))


def test_a_context_scales_and_shifts_each_channel():
    layer = ContextFiLM(2)
    np.testing.assert_array_equal(layer(X), X)  # the context starts at zero
    layer.context.assign([0.5, -2.0])
    scale, shift = np.split(np.array([0.5, -2.0]) @ layer.modulation.numpy(), 2)
    np.testing.assert_allclose(layer(X), X * (1 + scale) + shift, atol=1e-6)


def test_an_adapting_context_needs_a_modulation_that_is_not_zero():
    layer = ContextFiLM(2)
    layer.build((None, 3))
    assert layer.modulation.shape == (2, 6) and np.all(layer.modulation.numpy() != 0)


@pytest.mark.parametrize("cls", [Context, ContextFiLM])
def test_shape_names_and_configuration(cls):
    layer = cls(5, name="mine")
    output = layer(keras.KerasTensor((None, 4, 3)))
    assert output.shape == layer.compute_output_shape((None, 4, 3))
    # By this name CAVIA finds the weights that adapt.
    assert layer.trainable_variables[0].name == "context"
    assert layer.trainable_variables[0].shape == (5,)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(copy) is cls and copy.get_config() == layer.get_config() and copy.size == 5


@pytest.mark.parametrize("cls", [Context, ContextFiLM])
def test_half_precision(cls):
    layer = cls(2, dtype="mixed_float16")
    assert layer(X.astype("float16")).dtype == "float16" and layer.context.dtype == "float32"
