"""The hinge loss of several classes."""

import keras
import numpy as np
import pytest

from keras_meta.losses import SparseCategoricalHinge


def test_equals_its_definition():
    generator = np.random.default_rng(0)
    scores, labels = generator.normal(size=(6, 4)).astype("float32"), np.array([0, 1, 2, 3, 0, 2])
    expected = [
        max(0.0, 1.0 + max(np.delete(s, y)) - s[y]) for s, y in zip(scores, labels, strict=True)
    ]
    loss = SparseCategoricalHinge(reduction="none")
    np.testing.assert_allclose(loss(labels, scores), expected, rtol=1e-5)
    np.testing.assert_allclose(loss(labels[:, None], scores), expected, rtol=1e-5)
    batched = loss(labels.reshape(2, 3), scores.reshape(2, 3, 4))
    np.testing.assert_allclose(batched, np.reshape(expected, (2, 3)), rtol=1e-5)


def test_other_scores_count_even_if_all_are_negative():
    """Where Keras's own hinge takes the zeros of the one-hot label for scores."""
    scores = np.array([[-1.0, -5.0]], "float32")
    assert float(SparseCategoricalHinge()([0], scores)) == 0.0
    assert float(keras.losses.CategoricalHinge()(np.array([[1.0, 0.0]], "float32"), scores)) == 2.0


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_precisions(dtype):
    loss = SparseCategoricalHinge(dtype=dtype)
    assert float(loss([1], np.array([[0.5, 1.0, 0.25]], dtype))) == 0.5


def test_it_is_saved():
    loss = keras.losses.deserialize(keras.losses.serialize(SparseCategoricalHinge()))
    assert type(loss) is SparseCategoricalHinge
