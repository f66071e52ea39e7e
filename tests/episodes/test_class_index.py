"""The rows of each class, and episodes drawn from them."""

import numpy as np
import pytest

from keras_meta.episodes.class_index import ClassIndex


def test_the_largest_keys_are_drawn_in_order():
    index = ClassIndex(["b", "a", "b", "c", "a", "b"])
    np.testing.assert_array_equal(index.classes, ["a", "b", "c"])
    np.testing.assert_array_equal(index.counts, [2, 3, 1])
    class_keys = np.array([[0.2, 0.9, 0.5]], "float32")
    example_keys = np.array([[[0.1, 0.3, 0.2], [0.4, 0.8, 0.9]]], "float32")
    classes, examples = index.draw(class_keys, example_keys, num_ways=2, num_examples=1)
    np.testing.assert_array_equal(classes, [[1, 2]])
    # Of "b" (rows 0, 2, 5) the second; of "c" the only one, whatever the padding's keys.
    np.testing.assert_array_equal(examples, [[[2], [3]]])


def test_a_key_of_zero_still_beats_the_padding():
    index = ClassIndex([0, 1, 1, 1])
    keys = np.zeros([1, 2, 3], "float32")
    _, examples = index.draw(np.array([[0.9, 0.1]], "float32"), keys, 2, 1)
    assert examples[0, 0, 0] == 0


def test_a_class_that_is_too_small_gives_its_examples_first():
    """What follows them are rows of the data, for the caller to leave out."""
    index = ClassIndex([0, 1, 1, 1, 2])
    class_keys = np.array([[0.1, 0.2, 0.9]], "float32")
    keys = np.array([[[0.5, 0.9, 0.9], [0.1, 0.3, 0.2], [0.5, 0.9, 0.9]]], "float32")
    classes, examples = index.draw(class_keys, keys, num_ways=3, num_examples=3)
    np.testing.assert_array_equal(classes, [[2, 1, 0]])
    assert examples[0, 0, 0] == 4 and examples[0, 2, 0] == 0
    np.testing.assert_array_equal(examples[0, 1], [2, 3, 1])
    assert np.max(examples) <= 4


def test_classes_of_one_size():
    index = ClassIndex([1, 0, 1, 0])
    _, examples = index.draw(np.array([[0.9, 0.1]]), np.array([[[0.1, 0.2], [0.4, 0.3]]]), 2, 2)
    np.testing.assert_array_equal(examples, [[[3, 1], [0, 2]]])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([[0, 1], [1, 0]], r"one-dimensional.*argmax.*Received: y of shape \(2, 2\)"),
        ([], r"Received: y of shape \(0,\)"),
        ([0.0, np.nan], "`y` contains NaN. Received: NaN in row 1."),
    ],
)
def test_wrong_labels(y, message):
    with pytest.raises(ValueError, match=message):
        ClassIndex(y)
