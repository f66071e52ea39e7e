"""Modulation of the channels of a shared body."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import episodes, generators, learners, networks
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


def language_generator(**kwargs):
    tasks = episodes.SyntheticLanguages(num_shots=3, num_queries=2, length=12)
    size = tasks.codec.size
    network = networks.CausalConvNet(size, width=8, num_blocks=2)
    features = networks.embedding(networks.CausalConvNet(size, width=8, num_blocks=2))
    film = generators.FiLM(network, units=8, generate_head=False)
    learner = learners.LearnerGenerator(features, film, task_embedding_size=8, **kwargs)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    learner.compile(keras.optimizers.Adam(0.01), loss)
    return tasks, network, learner


def test_a_generated_model_of_text_has_the_head_of_the_network():
    """Before training it is the network, and a symbol that is not in the support set stays."""
    tasks, network, learner = language_generator()
    ((inputs, _),) = tasks.as_dataset(2, num_batches=1)
    found = learner.predict(inputs, verbose=0)
    expected = network(tf.reshape(inputs["query_x"], (4, 12)))
    np.testing.assert_allclose(found.reshape(expected.shape), expected, atol=1e-5)
    assert learner.generated.get_config()["generate_head"] is False


@pytest.mark.slow
def test_a_generated_model_of_text_is_learned_saved_and_loaded(tmp_path):
    tasks, _, learner = language_generator()
    ((inputs, query_y),) = tasks.as_dataset(2, num_batches=1)
    data = tasks.as_dataset(2, num_batches=1).repeat()
    losses = learner.fit(data, steps_per_epoch=4, epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]
    first, second = learner.predict(inputs, verbose=0)
    support = {key: inputs[key][1] for key in ("support_x", "support_y")}
    model = learner.adapt(*support.values())
    np.testing.assert_allclose(model.predict(inputs["query_x"][1], verbose=0), second, atol=1e-4)
    assert (
        np.abs(
            learner.adapt(inputs["support_x"][0], inputs["support_y"][0])(inputs["query_x"][1])
            - second
        ).max()
        > 1e-4
    )
    learner.save(tmp_path / "learner.keras")
    loaded = keras.models.load_model(tmp_path / "learner.keras")
    np.testing.assert_allclose(loaded.predict(inputs, verbose=0)[1], second, atol=1e-5)
    assert first.shape == (2, 12, tasks.codec.size) and query_y.shape == (2, 2, 12)


def test_a_generated_model_of_text_takes_inner_steps():
    tasks, _, learner = language_generator(inner_steps=1, inner_learning_rate=0.1)
    ((inputs, query_y),) = tasks.as_dataset(2, num_batches=1)
    before, after = learner.inner_losses(inputs["support_x"][0], inputs["support_y"][0])
    assert after < before
    assert learner.evaluate(tf.data.Dataset.from_tensors((inputs, query_y)), verbose=0) > 0
