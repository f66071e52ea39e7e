"""Class means that queries refine."""

import numpy as np

from keras_meta.layers import SoftKMeansScores

GENERATOR = np.random.default_rng(0)
F, C = (GENERATOR.normal(size=s).astype("float32") for s in ((7, 4), (4, 3)))
COUNTS, BIAS = np.array([1.0, 2.0, 3.0], "float32"), np.zeros(3, "float32")


def squared(means):
    return ((F[:, :, None] - means) ** 2).sum(1)


def textbook(steps):
    means = C
    for _ in range(steps):
        p = np.exp(-squared(means))
        p /= p.sum(1, keepdims=True)
        means = (COUNTS * C + F.T @ p) / (COUNTS + p.sum(0))
    return np.sum(F**2, 1, keepdims=True) - squared(means)


def test_it_is_the_textbook():
    for steps in (0, 1, 5):
        scores = SoftKMeansScores(steps)([F, C, COUNTS, BIAS])
        np.testing.assert_allclose(scores, textbook(steps), rtol=1e-4, atol=1e-4)


def test_in_training_means_stay():
    scores = SoftKMeansScores(5)([F, C, COUNTS, BIAS], training=True)
    np.testing.assert_allclose(scores, textbook(0), rtol=1e-4, atol=1e-4)


def test_a_class_without_examples_stays_empty():
    means, counts, bias = C * [1, 1, 0], COUNTS * [1, 1, 0], np.array([0, 0, -1e9], "float32")
    scores = np.asarray(SoftKMeansScores(3)([F, means, counts, bias]))
    assert np.isfinite(scores).all() and (scores[:, 2] < -1e8).all()


def test_queries_that_form_clusters_correct_a_single_example():
    """Of two clusters, each with one odd example, all queries are found."""
    centers = np.array([[0.0, 0.0], [6.0, 0.0]])
    queries = (centers[:, None] + GENERATOR.normal(0, 0.3, (2, 20, 2))).reshape(40, 2)
    odd = np.array([[2.5, 0.0], [9.5, 0.0]]).T
    inputs = [queries.astype("float32"), odd.astype("float32"), np.ones(2, "float32"), BIAS[:2]]
    right = np.repeat([0, 1], 20)
    wrong = np.asarray(SoftKMeansScores(0)(inputs)).argmax(1) != right
    assert wrong.sum() > 10
    np.testing.assert_array_equal(np.asarray(SoftKMeansScores(10)(inputs)).argmax(1), right)
