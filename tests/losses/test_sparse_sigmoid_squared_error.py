"""The squared error of sigmoids."""

import keras
import numpy as np

from keras_meta.losses import SparseSigmoidSquaredError


def test_equals_its_definition():
    generator = np.random.default_rng(0)
    scores, labels = generator.normal(size=(6, 4)).astype("float32"), np.array([0, 1, 2, 3, 0, 2])
    expected = ((1 / (1 + np.exp(-scores)) - np.eye(4)[labels]) ** 2).mean(-1)
    loss = SparseSigmoidSquaredError(reduction="none")
    np.testing.assert_allclose(loss(labels, scores), expected, rtol=1e-5)
    np.testing.assert_allclose(loss(labels[:, None], scores), expected, rtol=1e-5)
    batched = loss(labels.reshape(2, 3), scores.reshape(2, 3, 4))
    np.testing.assert_allclose(batched, np.reshape(expected, (2, 3)), rtol=1e-5)


def test_it_is_saved():
    loss = keras.losses.deserialize(keras.losses.serialize(SparseSigmoidSquaredError()))
    assert type(loss) is SparseSigmoidSquaredError
