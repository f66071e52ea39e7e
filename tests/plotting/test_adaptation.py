"""A plot of results against the number of steps."""

import numpy as np
import pytest

from keras_meta import plotting
from keras_meta.metrics import task_interval

VALUES = np.random.default_rng(0).uniform(size=[30, 4])


def test_means_and_intervals_of_each_curve():
    curves = {"short": ((0, 1, 2, 3), VALUES), "other": ((0, 1, 2), VALUES[:, 1:])}
    (axes,) = plotting.adaptation(curves, "Noise: value").axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["short", "other"]
    for line, band, (steps, values) in zip(
        axes.lines, axes.collections, curves.values(), strict=True
    ):
        mean, half_width = task_interval(values)
        np.testing.assert_array_equal(line.get_xdata(), steps)
        np.testing.assert_allclose(line.get_ydata(), mean)
        (path,) = band.get_paths()
        heights = path.vertices[path.vertices[:, 0] == steps[1], 1]
        assert heights.min() == pytest.approx((mean - half_width)[1])
        assert heights.max() == pytest.approx((mean + half_width)[1])
    assert axes.lines[0].get_marker() != axes.lines[1].get_marker()


def test_labels():
    curve = {"MAML": (range(4), VALUES)}
    (axes,) = plotting.adaptation(curve, "Noise: value").axes
    assert (axes.get_title(), axes.get_ylabel()) == ("Noise: value", "value")
    assert axes.get_xlabel() == "steps on the support set"
    (axes,) = plotting.adaptation(curve, "Noise: value", metric="mse").axes
    assert axes.get_ylabel() == "mse"


@pytest.mark.parametrize(
    ("last", "scale", "ticks"),
    [(20, "linear", None), (100, "symlog", ["0", "1", "2", "3", "5", "10", "30", "100"])],
)
def test_many_steps_are_drawn_on_a_logarithmic_axis(last, scale, ticks):
    (axes,) = plotting.adaptation({"a": ((0, 1, 10, last), VALUES)}).axes
    assert axes.get_xscale() == scale
    if ticks is not None:
        assert [label.get_text() for label in axes.get_xticklabels()] == ticks


def test_more_curves_than_markers():
    (axes,) = plotting.adaptation({str(i): (range(4), VALUES) for i in range(9)}).axes
    assert len(axes.lines) == 9
