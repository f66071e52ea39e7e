"""Queries that have none of the classes of their task."""

import numpy as np
import pytest

from keras_meta import metrics


def scores(distance, tasks=40, seed=0):
    random = np.random.default_rng(seed)
    known = random.normal(distance, 1, (tasks, 30))
    return known, random.random((tasks, 30)) < 0.9, random.normal(0, 1, (tasks, 20))


def test_the_area_is_that_of_two_normal_distributions():
    known, _, unknown = scores(1.0)
    area = metrics.area_under_curve(known, unknown)
    # The difference of two unit normals exceeds -1 with probability Phi(1 / sqrt(2)).
    assert area.shape == (40,) and abs(area.mean() - 0.7602) < 0.03
    np.testing.assert_allclose(metrics.area_under_curve(unknown, known), 1 - area)
    assert metrics.area_under_curve([[1.0]], [[1.0]]) == 0.5


def test_accuracy_counts_both_kinds_of_queries_alike():
    known, right, unknown = scores(1.0)
    refused = metrics.accuracy_with_refusal(np.inf, known, right, unknown)
    accepted = metrics.accuracy_with_refusal(-np.inf, known, right, unknown)
    np.testing.assert_array_equal(refused, 0.5)
    np.testing.assert_allclose(accepted, right.mean(1) / 2)


def test_the_threshold_is_best():
    threshold = metrics.refusal_threshold(*scores(4.0))
    assert 1.5 < threshold < 2.5
    values = [
        metrics.accuracy_with_refusal(t, *scores(4.0)).mean() for t in np.linspace(-3, 7, 101)
    ]
    best = metrics.accuracy_with_refusal(threshold, *scores(4.0)).mean()
    assert best == pytest.approx(max(values), abs=2e-3) and best > 0.9
