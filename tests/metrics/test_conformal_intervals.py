"""Intervals cover what they promise, on groups that they were not calibrated on."""

import keras
import numpy as np
import pytest

from keras_meta import episodes, learners, metrics


def values(groups, seed, queries=6):
    """Predictions whose errors have heavy tails, with groups of unequal size and noise."""
    random = np.random.default_rng(seed)
    deviation = random.gamma(2.0, size=(groups, 1)) * np.ones((1, queries))
    y = deviation * random.standard_t(2, size=(groups, queries))
    mask = np.arange(queries) < random.integers(1, queries + 1, size=(groups, 1))
    return metrics.PredictedValues(np.zeros_like(y), deviation, y, mask)


@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_new_groups_are_covered(coverage):
    intervals = metrics.ConformalIntervals.of_values(values(2000, seed=0), coverage)
    covered = intervals.task_coverage(values(2000, seed=1))
    assert abs(covered.mean() - coverage) < 0.025
    half = 2 * intervals.factor
    np.testing.assert_allclose(intervals.bounds(3.0, 2.0), [3 - half, 3 + half])
    width = intervals.task_widths(values(5, seed=2))
    np.testing.assert_allclose(width, 2 * intervals.factor * values(5, seed=2).deviation[:, 0])


def test_few_groups_are_covered_on_average():
    """The bound holds for any number of groups, by the mass at infinity."""
    covered = [
        metrics.ConformalIntervals.of_values(values(10, seed=s), 0.8)
        .task_coverage(values(50, seed=1000 + s))
        .mean()
        for s in range(200)
    ]
    error = 3 * np.std(covered) / np.sqrt(200)
    assert 0.8 - error < np.mean(covered) < 0.8 + 1 / 11 + error
    with pytest.raises(ValueError, match="at least 9 groups to calibrate them. Received: 8"):
        metrics.ConformalIntervals.of_values(values(8, seed=0), 0.9)
    with pytest.raises(ValueError, match="Received: coverage=90"):
        metrics.ConformalIntervals(90, 1.0)


def test_a_learner_is_calibrated_on_validation_tasks():
    body = keras.Sequential([keras.Input((1,)), keras.layers.Dense(8, "tanh")])
    learner = learners.RidgeLearner(body, num_values=1)
    waves = [episodes.Sinusoid(3, 4, seed=s).as_dataset(100, num_batches=1) for s in (0, 1)]
    intervals = metrics.calibrate(learner, waves[0], coverage=0.8)
    assert learner.prior_rows > 0 and learner.prior_noise != 1.0
    found = metrics.predicted_values(learner, waves[1])
    assert abs(intervals.task_coverage(found).mean() - 0.8) < 0.1
