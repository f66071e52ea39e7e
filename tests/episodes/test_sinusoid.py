"""Sine waves."""

import math

import numpy as np
import pytest
import tensorflow as tf

from keras_meta import episodes


def test_shapes():
    inputs, query_y = episodes.Sinusoid(num_shots=5, num_queries=8).as_dataset(3).element_spec
    assert inputs["support_x"] == tf.TensorSpec([3, 5, 1], tf.float32)
    assert inputs["support_y"] == tf.TensorSpec([3, 5, 1], tf.float32)
    assert inputs["query_x"] == tf.TensorSpec([3, 8, 1], tf.float32)
    assert query_y == tf.TensorSpec([3, 8, 1], tf.float32)


def test_every_task_is_one_sine_wave_in_range():
    inputs, query_y = episodes.Sinusoid(seed=1).sample(0, 500)
    x = np.concatenate([inputs["support_x"], inputs["query_x"]], axis=1)[..., 0].astype("float64")
    y = np.concatenate([inputs["support_y"], query_y], axis=1)[..., 0].astype("float64")
    amplitudes, phases = [], []
    for points, values in zip(x, y, strict=True):
        # A sin(x - p) = (A cos p) sin x - (A sin p) cos x, linear in two unknowns.
        basis = np.stack([np.sin(points), -np.cos(points)], axis=1)
        (cosine, sine), *_ = np.linalg.lstsq(basis, values, rcond=None)
        np.testing.assert_allclose(basis @ [cosine, sine], values, atol=1e-4)
        amplitudes.append(math.hypot(cosine, sine))
        phases.append(math.atan2(sine, cosine))
    for drawn, low, high in ((amplitudes, 0.1, 5.0), (phases, 0.0, math.pi), (x, -5.0, 5.0)):
        assert low - 1e-3 <= np.min(drawn) < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < np.max(drawn) <= high + 1e-3
        assert abs(np.mean(drawn) - (low + high) / 2) < 0.05 * (high - low)


def test_constant_amplitude_and_phase():
    tasks = episodes.Sinusoid(amplitude=(2, 2), phase=(0.5, 0.5), x_range=(0, 1))
    inputs, query_y = tasks.sample(3, 4)
    np.testing.assert_allclose(query_y, 2 * np.sin(inputs["query_x"] - 0.5), atol=1e-6)
    assert 0 <= np.min(inputs["query_x"]) and np.max(inputs["query_x"]) <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_shots": 0}, "`num_shots` must be at least 1. Received: num_shots=0."),
        ({"amplitude": (5, 1)}, r"pair \(low, high\) with low <= high. Received: amplitude=\(5, 1"),
        ({"phase": 3.0}, "Received: phase=3.0."),
        ({"x_range": (0, float("nan"))}, "Received: x_range="),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        episodes.Sinusoid(**arguments)
