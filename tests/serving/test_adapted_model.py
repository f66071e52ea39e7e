"""The Keras model of one task, returned by `adapt`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import learners
from keras_meta.serving.adapted_model import AdaptedModel
from tests.learners import embedding_cases as cases

STATE = {"head": [tf.ones([5, 2]), tf.zeros([2])], "statistics": {}}


def test_a_state_becomes_a_model_before_any_episode():
    learner = learners.PrototypicalNetwork(cases.dense_body(), num_ways=2)
    x = np.random.default_rng(0).normal(size=(3, 4, 4, 1)).astype("float32")
    expected = learner.model.predict(x, verbose=0).sum(-1, keepdims=True)
    found = learner.adapted_model(STATE).predict(x, verbose=0)
    np.testing.assert_allclose(found, np.repeat(expected, 2, 1), atol=1e-6)


def test_a_subclassed_model_must_have_seen_an_episode():
    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.dense = keras.layers.Dense(5)

        def call(self, x):
            return self.dense(x)

    model = Own()
    model(tf.zeros([1, 4]))
    learner = learners.PrototypicalNetwork(model, embedding_shape=lambda model: (5,))
    with pytest.raises(ValueError, match="has seen no episode, with the subclassed model 'own'"):
        learner.adapted_model(STATE)


def test_statistics_are_those_of_the_batch_that_is_predicted(tmp_path):
    layers = keras.layers
    norm = keras.Sequential([keras.Input((2,)), layers.BatchNormalization(epsilon=1e-6)])
    model = AdaptedModel(norm, "transductive")
    x = np.random.default_rng(0).normal(3.0, 2.0, size=(50, 2)).astype("float32")
    expected = (x - x.mean(0)) / x.std(0)
    np.testing.assert_allclose(model.predict(x, batch_size=50, verbose=0), expected, atol=1e-5)
    model.save(tmp_path / "task.keras")
    loaded = keras.models.load_model(tmp_path / "task.keras")
    np.testing.assert_allclose(loaded.predict(x, batch_size=50, verbose=0), expected, atol=1e-5)
