"""Neighbouring queries that agree."""

import numpy as np

from keras_meta.layers import LaplacianScores

GENERATOR = np.random.default_rng(0)
F, C = (GENERATOR.normal(size=s).astype("float32") for s in ((7, 4), (4, 3)))
COUNTS, BIAS = np.ones(3, "float32"), np.array([0.0, 0.0, 0.5], "float32")


def softmax(x):
    p = np.exp(x - x.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True)


def textbook(strength, neighbors, steps):
    own = 2 * F @ C - (C**2).sum(0) + BIAS
    distances = ((F[:, None] - F) ** 2).sum(-1)
    np.fill_diagonal(distances, np.inf)
    near = np.zeros((7, 7))
    for i, row in enumerate(distances):
        near[i, np.argsort(row)[:neighbors]] = 1.0
    scores = own
    for _ in range(steps):
        scores = own + strength * near @ softmax(scores)
    return scores


def test_it_is_the_textbook():
    for arguments in ((0.7, 2, 1), (2.0, 3, 20), (0.0, 3, 5)):
        scores = LaplacianScores(*arguments)([F, C, COUNTS, BIAS])
        np.testing.assert_allclose(scores, textbook(*arguments), rtol=1e-4, atol=1e-4)


def test_in_training_queries_are_on_their_own():
    scores = LaplacianScores()([F, C, COUNTS, BIAS], training=True)
    np.testing.assert_allclose(scores, textbook(0.0, 1, 1), rtol=1e-4, atol=1e-4)


def test_a_query_without_neighbours():
    scores = LaplacianScores()([F[:1], C, COUNTS, BIAS])
    np.testing.assert_allclose(scores, textbook(0.0, 1, 1)[:1], rtol=1e-4, atol=1e-4)
