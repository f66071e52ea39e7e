"""A figure of results against training."""

import numpy as np

from keras_meta import plotting


def test_each_curve_has_its_values_and_its_name():
    curves = {"before": [-40.0, -39.0], "after 1 update": [-40.0, -20.0]}
    drawing = plotting.learning_curve([10, 20], curves, "return")
    (axes,) = drawing.axes
    for line, (name, values) in zip(axes.lines, curves.items(), strict=True):
        np.testing.assert_array_equal(line.get_xydata(), [[10, values[0]], [20, values[1]]])
        assert line.get_label() == name
    assert axes.get_ylabel() == "return"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(curves)


def test_no_curves():
    (axes,) = plotting.learning_curve([], {}, "return").axes
    assert not axes.lines and axes.get_legend() is None
