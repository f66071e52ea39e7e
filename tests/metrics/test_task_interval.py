"""The mean over tasks and its interval."""

import numpy as np
import pytest

from keras_meta.metrics import task_interval


def test_it_is_that_of_the_textbook():
    mean, half_width = task_interval(np.array([0.2, 0.4, 0.9, 0.5]))
    assert mean == pytest.approx(0.5)
    assert half_width == pytest.approx(1.96 * np.sqrt(0.26 / 3) / 2)


def test_each_column_has_its_own_and_is_computed_in_double_precision():
    values = 1000.0 + np.random.default_rng(0).normal(size=(50, 3)).astype("float32")
    mean, half_width = task_interval(values)
    assert mean.dtype == half_width.dtype == "float64"
    np.testing.assert_allclose(mean, values.astype("float64").mean(0), rtol=1e-14)
    expected = [1.96 * np.std(v.astype("float64"), ddof=1) / np.sqrt(50) for v in values.T]
    np.testing.assert_allclose(half_width, expected, rtol=1e-12)


def test_the_interval_covers_the_mean_in_95_of_100_cases():
    samples = np.random.default_rng(0).normal(3.0, 2.0, size=(100, 4000))
    mean, half_width = task_interval(samples)
    assert abs(np.mean(np.abs(mean - 3.0) < half_width) - 0.95) < 0.012


@pytest.mark.parametrize("values", [[], [0.5], np.zeros((1, 4))])
def test_one_task_has_no_interval(values):
    with pytest.raises(ValueError, match="at least two tasks. Received: an array of shape"):
        task_interval(values)
