"""A body that is generated chunk by chunk."""

import keras
import numpy as np
import pytest

from keras_meta import generators
from tests.generators import task_embeddings
from tests.generators.task_embeddings import prepared, randomised, task_embedding


def model(outputs=3):
    layers = [keras.layers.Dense(4, "tanh"), keras.layers.Dense(outputs, bias_initializer="ones")]
    return keras.Sequential([keras.Input((2,)), *layers])


@pytest.mark.parametrize("chunk_size", [1, 5, 12, 1000])
def test_the_body_is_its_own_weights_and_the_generated_chunks(chunk_size):
    learner = randomised(prepared(generators.NeuralNetwork(model(), chunk_size)))
    assert learner.chunk_embeddings.shape[0] == -(-12 // chunk_size)
    weights = learner.generate(task_embedding())
    assert [w.shape for w in weights] == [v.shape for v in learner.generated_variables]
    change = [np.ravel(w - v) for w, v in zip(weights[:2], learner.body_variables, strict=True)]
    task = task_embedding().task.numpy()
    inputs = [np.concatenate([task, e]) for e in learner.chunk_embeddings.numpy()]
    chunks = task_embeddings.skip_network(learner.chunks, np.stack(inputs))
    np.testing.assert_allclose(np.concatenate(change), np.ravel(chunks)[:12], atol=1e-5)


def test_before_training_the_body_is_that_of_the_model():
    learner = prepared(generators.NeuralNetwork(model()))
    weights = learner.generate_body(task_embedding().task)
    for weight, variable in zip(weights, learner.body_variables, strict=True):
        np.testing.assert_array_equal(weight, variable)


def test_configuration():
    learner = generators.NeuralNetwork(model(), chunk_size=3, chunk_embedding_size=2, units=7)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(learner))
    assert copy.get_config() == learner.get_config()
    assert (copy.chunk_size, copy.chunk_embedding_size, copy.units) == (3, 2, 7)
    assert copy.num_outputs == 3
