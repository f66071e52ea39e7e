"""Pre-training on all classes together."""

import keras
import numpy as np
import pytest

from keras_meta import baselines, networks


def model():
    layers = keras.layers
    return keras.Sequential([keras.Input((2,)), layers.Dense(8, "relu"), layers.Dense(3)])


def test_the_body_is_trained_and_the_head_is_not():
    start = model()
    x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    names = np.where(x[:, 0] > 0, "right", "left")
    before = start.get_weights()
    trained = baselines.pretrain_classifier(start, x, names, "sgd", epochs=2, verbose=0)
    for a, b in zip(start.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    changed = [np.any(a != b) for a, b in zip(trained.get_weights(), before, strict=True)]
    assert changed == [True, True, False, False]
    np.testing.assert_allclose(
        trained.layers[-1](networks.embedding(trained)(x)), trained(x), atol=1e-6
    )


def test_subclassed_models_have_no_body():
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="of type Own"):
        networks.embedding(Own(name="own"))
