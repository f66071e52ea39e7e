"""Centring and normalisation of features."""

import keras
import numpy as np
import pytest

from keras_meta import learners
from keras_meta.layers import FeatureCentering
from tests.learners import embedding_cases as cases


def test_equals_its_definition():
    features = np.random.default_rng(0).normal(2.0, size=(20, 5)).astype("float32")
    layer = FeatureCentering()
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    np.testing.assert_allclose(layer(features), features / lengths, rtol=1e-5)
    layer.adapt(features)
    centred = features - features.mean(0)
    expected = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(layer(features), expected, rtol=1e-4, atol=1e-6)
    assert not layer.trainable_variables


def test_a_learner_keeps_the_mean(tmp_path):
    body = cases.dense_body()
    layer = FeatureCentering()
    layer.adapt(body.predict(np.ones((4, 4, 4, 1)), verbose=0))
    expected = np.asarray(body(np.ones((1, 4, 4, 1))))[0]
    np.testing.assert_allclose(layer.mean.numpy(), expected, atol=1e-6)
    embedding = keras.Sequential([keras.Input((4, 4, 1)), body, layer])
    learner = cases.compiled(learners.PrototypicalNetwork(embedding, num_ways=3))
    inputs, y = cases.episodes()
    mean = layer.mean.numpy()
    learner.fit(inputs, y, batch_size=3, verbose=0)
    np.testing.assert_array_equal(layer.mean.numpy(), mean)
    learner.save(tmp_path / "learner.keras")
    loaded = keras.models.load_model(tmp_path / "learner.keras")
    np.testing.assert_array_equal(loaded.predict(inputs), learner.predict(inputs))
    assert learner.chosen_task_map() == "vectorize"


@pytest.mark.parametrize("features", [np.zeros(5), np.zeros((0, 5)), np.zeros((2, 2, 2, 5))])
def test_bad_features(features):
    with pytest.raises(ValueError, match=r"must be an array \[examples, features\]"):
        FeatureCentering().adapt(features)
