"""Metrics of rankings, compared with their definitions and with scikit-learn."""

import itertools

import numpy as np
import pytest

from keras_meta import metrics

sklearn_metrics = pytest.importorskip("sklearn.metrics")


def test_ndcg_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    y = random.integers(1, 6, (20, 9))
    for scores in (random.normal(size=(20, 9)), random.integers(0, 3, (20, 9))):  # ties
        expected = [
            sklearn_metrics.ndcg_score([2.0**a - 1], [b], k=5)
            for a, b in zip(y, scores, strict=True)
        ]
        np.testing.assert_allclose(metrics.ndcg(y, scores, top=5), expected, rtol=1e-12)


def test_ties_share_their_gain_as_if_in_every_order():
    y, scores = np.array([5.0, 1.0, 3.0, 2.0]), np.array([1.0, 1.0, 1.0, 0.0])
    orders = itertools.permutations([3e-6, 2e-6, 1e-6])
    broken = [metrics.ndcg([y], [scores + [*ties, 0.0]], top=2)[0] for ties in orders]
    np.testing.assert_allclose(metrics.ndcg([y], [scores], top=2)[0], np.mean(broken))


def test_padding_has_no_effect_on_ndcg():
    y, scores = [[5.0, 1.0, 3.0]], [[0.1, 0.2, 0.3]]
    padded = metrics.ndcg([[5.0, 1.0, 3.0, 5.0]], [[0.1, 0.2, 0.3, 9.0]], mask=[[1, 1, 1, 0]])
    np.testing.assert_array_equal(padded, metrics.ndcg(y, scores))
    assert metrics.ndcg([[0.0, 0.0]], [[1.0, 2.0]]) == 1.0


def test_recall_counts_the_relevant_items_that_are_shown():
    relevant = [[1, 1, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
    scores = np.array([[6.0, 5, 1, 4, 3, 2], [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]])
    np.testing.assert_array_equal(metrics.recall(relevant, scores, top=2), [1.0, 0.0, np.nan])
    np.testing.assert_array_equal(metrics.recall(relevant, scores, top=4), [2 / 3, 0.0, np.nan])
    mask = np.ones((3, 6), bool)
    mask[:, 0] = False  # known already: neither shown nor missed
    found = metrics.recall(relevant, scores, top=2, mask=mask)
    np.testing.assert_array_equal(found, [0.5, np.nan, np.nan])


@pytest.mark.parametrize("function", [metrics.ndcg, metrics.recall])
def test_bad_arguments(function):
    with pytest.raises(ValueError, match=r"Received: \(1, 2\), \(1, 3\)"):
        function([[1, 2]], [[1, 2, 3]])
    with pytest.raises(ValueError, match="top=0"):
        function([[1, 2]], [[1, 2]], top=0)
