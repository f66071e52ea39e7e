import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import generators
from tests.generators.test_neural_network import prepared, randomised, task_embedding


def model():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, bias_initializer="ones", name="conv"),
            layers.ReLU(),
            layers.Conv2D(5, 3, use_bias=False),
            layers.GroupNormalization(1, beta_initializer="ones", name="norm"),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(6, "tanh", bias_initializer="ones", name="dense"),
            layers.Dense(3, name="head"),
        ]
    )


class Modulated(keras.layers.Layer):
    """A layer, its scale and shift and its activation, as the paper has them."""

    def __init__(self, layer, gamma, beta):
        super().__init__()
        self.layer, self.gamma, self.beta = layer, gamma, beta

    def call(self, x):
        activation = getattr(self.layer, "activation", keras.activations.linear)
        self.layer.activation = keras.activations.linear
        z = self.layer(x)
        self.layer.activation = activation
        return activation((1.0 + self.gamma) * z + self.beta)


def test_written_weights_scale_and_shift_what_layers_give():
    network = model()
    kind = randomised(prepared(generators.FiLM(network)))
    assert [layer.name for layer in kind.modulated] == ["conv", "norm", "dense"]
    written = kind.generate(task_embedding())
    modulation = kind.modulation(task_embedding().task[None])[0]
    gammas, betas = (tf.split(x, [4, 5, 6]) for x in tf.split(modulation, 2))

    x = tf.constant(np.random.default_rng(0).normal(size=(2, 8, 8, 1)), tf.float32)
    expected = x
    modulated = dict(zip(["conv", "norm", "dense"], zip(gammas, betas, strict=True), strict=True))
    for layer in network.layers[:-1]:
        wrapped = layer.name in modulated
        expected = (Modulated(layer, *modulated[layer.name]) if wrapped else layer)(expected)
    body = keras.Sequential([keras.Input((8, 8, 1)), *network.layers[:-1]])
    for variable, value in zip(kind.generated_variables, written, strict=True):
        variable.assign(value)
    np.testing.assert_allclose(body(x), expected, atol=1e-5)


def test_before_training_the_body_is_as_it_was_given():
    kind = prepared(generators.FiLM(model()))
    for written, variable in zip(
        kind.generate(task_embedding()), kind.body_variables, strict=False
    ):
        np.testing.assert_array_equal(written, variable)


def test_configuration():
    kind = generators.FiLM(model(), units=7)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(kind))
    assert copy.get_config() == kind.get_config()


def test_there_must_be_something_to_modulate():
    layers = [keras.layers.Dense(4, use_bias=False), keras.layers.Dense(3)]
    with pytest.raises(ValueError, match="No layer of the body can be modulated"):
        generators.FiLM(keras.Sequential([keras.Input((2,)), *layers]))
