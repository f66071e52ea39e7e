"""Classes are divided, not examples."""

import numpy as np
import pytest

from keras_meta import episodes

LABELS = np.random.default_rng(0).permutation(np.repeat([f"class {k}" for k in range(100)], 3))


def test_parts_share_no_class_and_cover_every_row():
    splits = episodes.split_classes(LABELS)
    classes = [set(LABELS[rows]) for rows in splits]
    assert [len(part) for part in classes] == [64, 16, 20]
    assert len(set.union(*classes)) == 100
    np.testing.assert_array_equal(np.sort(np.concatenate(splits)), np.arange(300))


def test_seed_and_row_order():
    first = episodes.split_classes(LABELS, seed=1)
    np.testing.assert_array_equal(first.train, episodes.split_classes(LABELS, seed=1).train)
    # The division is of classes: it does not depend on the order of the rows.
    backwards = episodes.split_classes(LABELS[::-1], seed=1)
    assert set(LABELS[first.test]) == set(LABELS[::-1][backwards.test])
    assert set(LABELS[first.test]) != set(LABELS[episodes.split_classes(LABELS, seed=2).test])


def test_a_part_may_be_left_out():
    splits = episodes.split_classes(LABELS, train=0.75, validation=0.25, test=0)
    assert len(splits.test) == 0 and len(splits.train) == 225


@pytest.mark.parametrize(
    ("classes", "num_ways", "sizes"),
    [
        (100, 5, [64, 16, 20]),
        (25, 5, [15, 5, 5]),
        (15, 5, [5, 5, 5]),
        (14, 5, [9, 2, 3]),  # too few for 5 in each part
    ],
)
def test_parts_are_filled_up_for_tasks_of_so_many_ways(classes, num_ways, sizes):
    splits = episodes.split_classes(range(classes), num_ways=num_ways)
    assert [len(part) for part in splits] == sizes
    assert sorted(np.concatenate(splits)) == list(range(classes))


def test_a_part_that_is_left_out_is_not_filled_up():
    splits = episodes.split_classes(range(12), 0.8, 0.2, 0, num_ways=4)
    assert [len(part) for part in splits] == [8, 4, 0]


@pytest.mark.parametrize(
    ("y", "fractions", "message"),
    [
        (LABELS, {"train": 0.9}, "sum to 1. Received: train=0.9, validation=0.16, test=0.2."),
        (LABELS, {"train": 1.2, "test": -0.36}, r"must be in \[0, 1\]"),
        ([0, 1], {}, "too few classes for a test part. Received: 2 classes"),
    ],
)
def test_wrong_arguments(y, fractions, message):
    with pytest.raises(ValueError, match=message):
        episodes.split_classes(y, **fractions)
