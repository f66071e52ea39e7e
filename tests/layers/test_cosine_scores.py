"""Linear scores of normalised features."""

import numpy as np

from keras_meta.layers import CosineScores

GENERATOR = np.random.default_rng(0)
F, W, B = (GENERATOR.normal(size=s).astype("float32") for s in ((4, 3), (3, 5), (5,)))


def test_equals_its_definition():
    expected = F / np.linalg.norm(F, axis=1, keepdims=True) @ W + B
    np.testing.assert_allclose(CosineScores()([F, W, B]), expected, atol=1e-6)


def test_columns_of_length_t_give_t_times_the_cosine():
    columns = 7.0 * W / np.linalg.norm(W, axis=0)
    scores = CosineScores()([F, columns, np.zeros(5, "float32")])
    for i in range(4):
        for j in range(5):
            cosine = F[i] @ W[:, j] / (np.linalg.norm(F[i]) * np.linalg.norm(W[:, j]))
            np.testing.assert_allclose(scores[i, j], 7.0 * cosine, atol=1e-5)


def test_features_that_are_zero_have_finite_scores():
    np.testing.assert_array_equal(CosineScores()([0 * F, W, B]), np.tile(B, (4, 1)))
