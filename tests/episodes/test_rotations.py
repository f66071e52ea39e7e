"""Rotated images as new classes."""

import numpy as np
import pytest

from keras_meta import episodes


@pytest.mark.parametrize("shape", [(6, 5, 5), (6, 5, 5, 3)])
def test_each_class_turns_by_its_own_angle(shape):
    images = np.random.default_rng(0).integers(0, 255, shape, "uint8")
    labels = np.repeat([3, 11], 3)
    x, y = episodes.with_rotations(images, labels)
    assert x.dtype == np.uint8 and len(np.unique(y)) == 8
    for turn in range(4):
        for label in (3, 11):
            rows = x[y == f"{label}@{90 * turn}"]
            expected = [np.rot90(image, turn) for image in images[labels == label]]
            np.testing.assert_array_equal(rows, expected)


def test_labels_stay_unique_when_rotated_names_are_in_use():
    _, y = episodes.with_rotations(np.zeros([2, 3, 3]), ["a", "a@90"])
    assert len(np.unique(y)) == 8


@pytest.mark.parametrize(
    ("x", "received"), [(np.zeros([2, 3, 4]), r"\(2, 3, 4\)"), ({"a": np.zeros([2, 3])}, "dict")]
)
def test_wrong_images(x, received):
    with pytest.raises(ValueError, match=f"square images.*Received: x of shape {received}"):
        episodes.with_rotations(x, [0, 1])
