"""The loss of support vector regression."""

import keras
import numpy as np
import pytest

from keras_meta.losses import EpsilonInsensitive


def test_equals_its_definition():
    generator = np.random.default_rng(0)
    y, predictions = generator.normal(size=(2, 5, 3)).astype("float32")
    expected = np.maximum(0.0, np.abs(y - predictions) - 0.3).mean(-1)
    loss = EpsilonInsensitive(0.3, reduction="none")
    np.testing.assert_allclose(loss(y, predictions), expected, rtol=1e-5)


def test_single_targets_are_not_broadcast():
    loss = EpsilonInsensitive(0.5, reduction="none")
    np.testing.assert_array_equal(loss([1.0, 2.0], [[1.0], [4.0]]), [0.0, 1.5])


def test_it_is_saved():
    loss = keras.losses.deserialize(keras.losses.serialize(EpsilonInsensitive(0.25)))
    assert loss.epsilon == 0.25


def test_the_margin_is_not_negative():
    with pytest.raises(ValueError, match="Received: epsilon=-1"):
        EpsilonInsensitive(-1)
