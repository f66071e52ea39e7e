"""The training, validation and test parts of labelled data."""

import numpy as np
import pytest

from keras_meta.commands import splits

Y = np.repeat([f"class{k}" for k in range(20)], 3)
GROUPS = np.repeat([f"group{k}" for k in range(10)], 6)


def sizes(parts, values):
    return [len(set(values[parts[name]])) for name in splits.SPLITS]


def test_groups_are_kept_whole():
    parts = splits.by_group("file", Y, GROUPS, seed=0)
    assert sizes(parts, GROUPS) == [6, 2, 2] and sizes(parts, Y) == [12, 4, 4]
    assert sorted(np.concatenate(list(parts.values()))) == list(range(60))
    other = splits.by_group("file", Y, GROUPS, seed=1)
    assert set(GROUPS[other["test"]]) != set(GROUPS[parts["test"]])


def test_a_class_in_two_groups_and_too_few_groups():
    groups = GROUPS.copy()
    groups[0] = "group3"
    with pytest.raises(ValueError, match="file with class 'class0' in 'group3' and 'group0'"):
        splits.by_group("file", Y, groups, seed=0)
    with pytest.raises(ValueError, match="at least one group each. .*groups .'one', 'two'"):
        splits.by_group("file", Y, np.repeat(["one", "two"], 30), seed=0)


def test_parts_by_class_and_by_name():
    assert sizes(splits.by_class(Y, seed=0), Y) == [13, 3, 4]
    with pytest.raises(ValueError, match="too few classes to divide"):
        splits.by_class(Y[:3], seed=0)
    assert splits.by_name("file", Y, None) is None
    names = np.repeat(["train", "validation", "test"], 20)
    with pytest.raises(ValueError, match="with class 'class6' in train and validation"):
        splits.by_name("file", Y, names)
    names = np.repeat(["train", "validation", "test"], [30, 15, 15])
    assert sizes(splits.by_name("file", Y, names), Y) == [10, 5, 5]
    with pytest.raises(ValueError, match="must name one of .*values .'train', 'valid'"):
        splits.by_name("file", Y, np.repeat(["train", "valid"], 30))


def test_changed_data_are_noticed():
    config = {"data": "file"}
    splits.check_unchanged(config, ["a", "b"], "labels")
    splits.check_unchanged(config, ["a", "b"], "labels")
    with pytest.raises(ValueError, match="their labels differ. Received: file with 3 labels"):
        splits.check_unchanged(config, ["a", "b", "c"], "labels")
