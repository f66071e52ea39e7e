"""A figure of a few-shot task and its predictions."""

import numpy as np

from keras_meta import plotting

GENERATOR = np.random.default_rng(0)
INPUTS = {
    "support_x": GENERATOR.random((2, 2, 4, 4, 1), "float32"),
    "support_y": np.array([[0, 1], [1, 0]]),
    "query_x": GENERATOR.random((2, 3, 4, 4, 1), "float32"),
}
QUERY_Y = np.array([[0, 1, 1], [1, 0, 1]])


def learner(inputs, training):
    """Says 1, 0, 1 of the queries of any task."""
    assert training is False and len(inputs["query_x"]) == 1
    return np.eye(2)[[[1, 0, 1]]]


def shown(axes):
    """The image, its title and the colour of that."""
    (image,) = axes.images
    return image.get_array(), axes.get_title(), axes.title.get_color()


def test_each_class_is_a_row_of_support_and_queries():
    drawing = plotting.episode(learner, INPUTS, QUERY_Y, task=1)
    grid = np.reshape(drawing.axes, (2, 1 + 1 + 2))
    assert sum(len(axes.images) for axes in drawing.axes) == 2 + 3
    support, query = INPUTS["support_x"][1, ..., 0], INPUTS["query_x"][1, ..., 0]
    expected = {
        (0, 0): (support[1], "class 0", "black"),
        (1, 0): (support[0], "class 1", "black"),
        (0, 2): (query[1], "as 0", "tab:green"),
        (1, 2): (query[0], "as 1", "tab:green"),
        (1, 3): (query[2], "as 1", "tab:green"),
    }
    for place, (image, title, color) in expected.items():
        found = shown(grid[place])
        np.testing.assert_array_equal(found[0], image)
        assert found[1:] == (title, color)
    assert drawing.get_suptitle() == "support and queries, 100% correct"


def test_wrong_predictions_are_red():
    drawing = plotting.episode(learner, INPUTS, QUERY_Y)
    grid = np.reshape(drawing.axes, (2, 4))
    assert [shown(grid[place])[1:] for place in ((0, 2), (1, 2), (1, 3))] == [
        ("as 1", "tab:red"),
        ("as 0", "tab:red"),
        ("as 1", "tab:green"),
    ]
    assert drawing.get_suptitle() == "support and queries, 33% correct"


def test_it_is_drawn_in_colour_and_saved(tmp_path):
    colour = {key: np.repeat(INPUTS[key], 3, -1) for key in ("support_x", "query_x")}
    drawing = plotting.episode(learner, {**INPUTS, **colour}, QUERY_Y)
    assert shown(drawing.axes[0])[0].shape == (4, 4, 3)
    drawing.savefig(tmp_path / "episode.png")
    assert (tmp_path / "episode.png").read_bytes().startswith(b"\x89PNG")
