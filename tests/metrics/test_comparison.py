"""Two learners on the same tasks."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta.metrics import Comparison, compare, task_values
from tests.metrics.stand_in import StandIn

GENERATOR = np.random.default_rng(0)
TARGETS = GENERATOR.normal(size=(6, 4, 1)).astype("float32")
PREDICTIONS = GENERATOR.normal(size=(2, 1, 6, 4, 1)).astype("float32")  # of two learners
ERRORS = ((PREDICTIONS[:, 0] - TARGETS) ** 2).mean((2, 3))


def dataset(**masks):
    inputs = {"task": np.arange(6), **masks}
    return tf.data.Dataset.from_tensor_slices((inputs, TARGETS)).batch(4)


def test_values_of_each_task():
    values = task_values(StandIn(PREDICTIONS[0]), dataset(), "mse")
    np.testing.assert_allclose(values, ERRORS[0], rtol=1e-5)


def test_queries_that_are_padding_do_not_count():
    mask = np.array([[1, 1, 1, 0]] * 6, "int32")
    values = task_values(StandIn(PREDICTIONS[0]), dataset(query_mask=mask), "mse")
    expected = ((PREDICTIONS[0, 0] - TARGETS) ** 2)[:, :3].mean((1, 2))
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_the_difference_is_paired():
    learners = [StandIn(p, name) for p, name in zip(PREDICTIONS, ("a", "b"), strict=True)]
    found = compare(*learners, dataset(), "mse")
    assert found.names == ("a", "b") and found.metric == "mse"
    np.testing.assert_allclose(found.values, ERRORS, rtol=1e-5)
    difference = ERRORS[0] - ERRORS[1]
    assert found.difference == pytest.approx(difference.mean(), rel=1e-4)
    half_width = 1.96 * difference.std(ddof=1) / np.sqrt(6)
    assert found.half_width == pytest.approx(half_width, rel=1e-4)
    assert compare(*learners, dataset(), "mse", names=["x", "y"]).names == ("x", "y")


@pytest.mark.parametrize(
    ("first", "second", "metric", "better"),
    [
        ([0.8, 0.9], [0.1, 0.2], "accuracy", "a"),
        ([0.1, 0.2], [0.8, 0.9], "accuracy", "b"),
        ([0.8, 0.9], [0.1, 0.2], "mse", "b"),
        ([0.1, 0.2], [0.8, 0.9], "mse", "a"),
        ([0.1, 0.9], [0.8, 0.1], "mse", None),
        ([0.5, 0.5], [0.5, 0.5], "accuracy", None),
    ],
)
def test_which_is_better(first, second, metric, better):
    found = Comparison(("a", "b"), np.array([first, second]), metric)
    assert found.better == better
    verdict = {
        "a": "a is better than b.",
        "b": "b is better than a.",
        None: "These tasks cannot tell a from b.",
    }
    assert found.verdict == verdict[better]


def test_it_is_printed_with_both_means_and_their_difference():
    found = Comparison(("first", "second"), np.array([[0.8, 0.9], [0.1, 0.3]]), "accuracy")
    assert str(found).splitlines() == [
        "accuracy over 2 tasks, 95 % interval over tasks",
        "  first                    0.8500 +- 0.0980",
        "  second                   0.2000 +- 0.1960",
        "  difference, paired       0.6500 +- 0.0980",
        "first is better than second.",
    ]
