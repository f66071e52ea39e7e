"""Modulation of the channels of a shared body."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import generators
from tests.generators import task_embeddings
from tests.generators.task_embeddings import prepared, randomised, task_embedding

layers = keras.layers


def model():
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


class Modulated(layers.Layer):
    """A layer whose pre-activation is scaled and shifted, as in the paper."""

    def __init__(self, layer, gamma, beta):
        super().__init__()
        self.layer, self.gamma, self.beta = layer, gamma, beta

    def call(self, x):
        activation = getattr(self.layer, "activation", keras.activations.linear)
        self.layer.activation = keras.activations.linear
        z = self.layer(x)
        self.layer.activation = activation
        return activation((1.0 + self.gamma) * z + self.beta)


def test_generated_weights_scale_and_shift_the_outputs_of_layers():
    network = model()
    learner = randomised(prepared(generators.FiLM(network)))
    assert [layer.name for layer in learner.modulated] == ["conv", "norm", "dense"]
    weights = learner.generate(task_embedding())
    task = task_embedding().task.numpy()
    gammas, betas = np.split(task_embeddings.skip_network(learner.modulation, task), 2)
    gammas, betas = (np.split(x, [4, 9]) for x in (gammas, betas))

    x = tf.constant(np.random.default_rng(0).normal(size=(2, 8, 8, 1)), tf.float32)
    expected = x
    modulated = dict(zip(["conv", "norm", "dense"], zip(gammas, betas, strict=True), strict=True))
    for layer in network.layers[:-1]:
        wrapped = layer.name in modulated
        expected = (Modulated(layer, *modulated[layer.name]) if wrapped else layer)(expected)
    body = keras.Sequential([keras.Input((8, 8, 1)), *network.layers[:-1]])
    for variable, value in zip(learner.generated_variables, weights, strict=True):
        variable.assign(value)
    np.testing.assert_allclose(body(x), expected, atol=1e-5)


def test_before_training_the_body_is_that_of_the_model():
    learner = prepared(generators.FiLM(model()))
    weights = learner.generate_body(task_embedding().task)
    for weight, variable in zip(weights, learner.body_variables, strict=True):
        np.testing.assert_array_equal(weight, variable)


def test_configuration():
    learner = generators.FiLM(model(), units=7)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(learner))
    assert copy.get_config() == learner.get_config() and copy.units == 7


def test_there_must_be_something_to_modulate():
    stack = [layers.Dense(4, use_bias=False), layers.Dense(3)]
    with pytest.raises(ValueError, match="No layer of the body can be modulated"):
        generators.FiLM(keras.Sequential([keras.Input((2,)), *stack]))
