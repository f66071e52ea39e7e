"""A figure of one-dimensional regression tasks before and after adaptation."""

import numpy as np
import pytest

from keras_meta import episodes, plotting

INPUTS, QUERY_Y = episodes.Sinusoid(num_shots=4, num_queries=6).sample(0, 2)


class Learner:
    """After step k, the prediction is k plus the number of the task times x."""

    def predict_by_step(self, inputs, steps=None):
        x = np.asarray(inputs["query_x"])
        factor = np.arange(2)[:, None, None]
        return np.stack([step + factor * x for step in range(4 if steps is None else steps + 1)])


@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        (None, {0: "before adaptation", 1: "after 1 step", 3: "after 3 steps"}),
        (2, {0: "before adaptation", 1: "after 1 step", 2: "after 2 steps"}),
        (1, {0: "before adaptation", 1: "after 1 step"}),
        (0, {0: "before adaptation"}),
    ],
)
def test_the_first_steps_and_the_last_are_drawn(steps, shown):
    drawing = plotting.waves(Learner(), INPUTS, QUERY_Y, steps)
    low = min(INPUTS[key].numpy().min() for key in ("support_x", "query_x"))
    high = max(INPUTS[key].numpy().max() for key in ("support_x", "query_x"))
    assert len(drawing.axes) == 2
    for task, axes in enumerate(drawing.axes):
        *lines, queries, support = axes.lines
        assert [line.get_label() for line in lines] == list(shown.values())
        for line, step in zip(lines, shown, strict=True):
            x = line.get_xdata()
            assert x.min() == pytest.approx(low) and x.max() == pytest.approx(high)
            np.testing.assert_allclose(line.get_ydata(), step + task * x, rtol=1e-6)
        for points, x, y in (
            (queries, INPUTS["query_x"], QUERY_Y),
            (support, INPUTS["support_x"], INPUTS["support_y"]),
        ):
            np.testing.assert_array_equal(points.get_xdata(), x[task, :, 0])
            np.testing.assert_array_equal(points.get_ydata(), y[task, :, 0])


def test_one_legend_serves_all_panels():
    drawing = plotting.waves(Learner(), INPUTS, QUERY_Y, steps=1)
    (legend,) = drawing.legends
    labels = ["before adaptation", "after 1 step", "queries (unseen)", "support"]
    assert [text.get_text() for text in legend.get_texts()] == labels
