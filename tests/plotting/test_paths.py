"""A figure of paths in the plane."""

import numpy as np
import pytest

from keras_meta import plotting
from keras_meta.environments import Trajectories

GOALS = np.array([[0.3, 0.4], [-0.1, 0.2]])


def episodes(slope, tasks=2):
    """Three episodes a task, of 2, 3 and 4 steps along a line; a third coordinate to ignore."""
    time = np.arange(5.0)
    line = np.stack([time, slope * time, 9 + 0 * time], axis=-1)
    observations = np.tile(line[:4], [tasks, 3, 1, 1])
    steps = np.array([2, 3, 4])
    mask = np.tile((np.arange(4) < steps[:, None]).astype("float32"), [tasks, 1, 1])
    lasts = np.tile(line[steps], [tasks, 1, 1])
    return Trajectories(observations, None, None, mask, None, lasts, None)


def test_paths_reach_to_the_ends_of_their_episodes():
    drawing = plotting.plot_paths({"before": episodes(1), "after": episodes(-2)}, GOALS)
    assert len(drawing.axes) == 2
    for goal, axes in zip(GOALS, drawing.axes, strict=True):
        *lines, start, end = axes.lines
        for line, slope, steps in zip(lines, [1, 1, 1, -2, -2, -2], [2, 3, 4] * 2, strict=True):
            np.testing.assert_array_equal(line.get_xdata(), np.arange(steps + 1))
            np.testing.assert_array_equal(line.get_ydata(), slope * np.arange(steps + 1))
        np.testing.assert_array_equal(start.get_xydata(), [[0, 0]])
        np.testing.assert_array_equal(end.get_xydata(), [goal])
        colors = [line.get_color() for line in lines]
        assert len(set(colors[:3])) == len(set(colors[3:])) == 1 and colors[0] != colors[3]


def test_one_legend_names_each_kind_of_path_once():
    drawing = plotting.plot_paths({"before": episodes(1), "after": episodes(-2)}, GOALS)
    (legend,) = drawing.legends
    assert [text.get_text() for text in legend.get_texts()] == ["before", "after", "start", "goal"]


@pytest.mark.parametrize(
    ("trajectories", "received"),
    [({}, "{}"), ({"before": episodes(1), "after": episodes(1, 3)}, "{'before': 2, 'after': 3}")],
)
def test_trajectories_that_do_not_fit_the_goals(trajectories, received):
    with pytest.raises(ValueError, match=f"Received: numbers of tasks {received} for 2 goals."):
        plotting.plot_paths(trajectories, GOALS)
