"""The head of a generated network, and which models can be generated."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.generators.generated_network import GeneratedNetwork
from keras_meta.heads.linear import NEVER
from tests.generators.task_embeddings import prepared, randomised, task_embedding

layers = keras.layers


class WithoutBody(GeneratedNetwork):
    """Generates the head alone: the body keeps its weights."""

    def generate_body(self, task):
        return [v.value for v in self.body_variables]


def model(outputs=3):
    hidden = layers.Dense(4, "tanh", name="body")
    head = layers.Dense(outputs, bias_initializer="random_normal", name="head")
    return keras.Sequential([keras.Input((2,)), hidden, head])


def test_variables_of_the_body_come_before_those_of_the_head():
    network = model()
    learner = GeneratedNetwork(network)
    body, head = network.layers
    variables = [body.kernel, body.bias, head.kernel, head.bias]
    assert [id(v) for v in learner.generated_variables] == [id(v) for v in variables]
    assert learner.num_outputs == 3 and learner.classifies
    assert not GeneratedNetwork(model(outputs=1)).classifies


def test_the_head_is_the_mean_over_outputs_and_a_generated_change():
    network = model()
    learner = randomised(prepared(WithoutBody(network)))
    network.layers[-1].bias.assign([1.0, 2.0, 6.0])
    embedding = task_embedding()
    *_, kernel, bias = learner.generate(embedding)
    changes = np.asarray(learner.head_hypernetwork(embedding))  # [outputs, 4 + 1]
    mean = network.layers[-1].kernel.numpy().mean(1, keepdims=True)
    np.testing.assert_allclose(kernel, mean + changes[:, :4].T, atol=1e-6)
    np.testing.assert_allclose(bias, 3.0 + changes[:, 4], atol=1e-6)


def test_permuting_the_classes_permutes_the_outputs():
    learner, order = randomised(prepared(WithoutBody(model()))), [2, 0, 1]
    embedding = task_embedding()
    *_, kernel, bias = learner.generate(embedding)
    permuted = embedding._replace(outputs=tf.gather(embedding.outputs, order))
    *_, other_kernel, other_bias = learner.generate(permuted)
    np.testing.assert_allclose(other_kernel, tf.gather(kernel, order, axis=1), atol=1e-6)
    np.testing.assert_allclose(other_bias, tf.gather(bias, order), atol=1e-6)


def test_only_the_bias_of_an_absent_class_is_masked():
    learner = randomised(prepared(WithoutBody(model())))
    *_, kernel, bias = learner.generate(task_embedding())
    *_, other_kernel, other_bias = learner.generate(task_embedding(present=[True, False, True]))
    np.testing.assert_array_equal(other_kernel, kernel)
    np.testing.assert_array_equal(other_bias, [bias[0], NEVER, bias[2]])


def test_models_that_cannot_be_generated():
    with pytest.raises(ValueError, match="must be a built `keras.Model`.*Received: 'conv4'"):
        GeneratedNetwork("conv4")
    frozen = model()
    frozen.trainable = False
    with pytest.raises(ValueError, match="with trainable weights"):
        GeneratedNetwork(frozen)
    reshaped = keras.Sequential([keras.Input((2,)), layers.Dense(4), layers.Reshape((2, 2))])
    with pytest.raises(ValueError, match=r"must give the outputs.*outputs \(None, 2, 2\)"):
        GeneratedNetwork(reshaped)


def test_the_body_must_be_generated_by_a_subclass():
    with pytest.raises(NotImplementedError, match="GeneratedNetwork must define `generate_body`"):
        prepared(GeneratedNetwork(model())).generate(task_embedding())
