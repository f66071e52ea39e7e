"""Selection of the examples of a published split."""

import re

import numpy as np
import pytest

from keras_meta.episodes.datasets.class_selection import classes_of, rows_of

SPLITS = {"train": ("a", "b"), "validation": ("c",), "test": ("d",)}


def test_splits_may_be_joined():
    assert classes_of(SPLITS, "validation") == ("c",)
    assert classes_of(SPLITS, "train+validation") == ("a", "b", "c")


@pytest.mark.parametrize("split", ["val", "", "train+train", "train+", None])
def test_unknown_split(split):
    with pytest.raises(
        ValueError, match=r"joined by '\+'. Received: " + re.escape(f"split={split!r}")
    ):
        classes_of(SPLITS, split)


def test_rows():
    labels = np.array(["b", "x", "a", "b"])
    np.testing.assert_array_equal(rows_of("Data", "file", labels, ("a", "b")), [0, 2, 3])
    with pytest.raises(ValueError, match="Received: file, which lacks 1 of them: c"):
        rows_of("Data", "file", labels, ("a", "b", "c"))
