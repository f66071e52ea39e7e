"""Rows are sorted by group, kept together, and divided so that nothing is in two parts."""

import numpy as np
import pytest

from keras_meta.episodes.grouped_table import read
from tests.episodes.tables import plants


def test_rows_of_a_group_are_together_and_in_order():
    rows = plants()
    shuffled = np.random.default_rng(1).permutation(len(rows["day"]))
    table = read({k: v[shuffled] for k, v in rows.items()}, "plant", y="height", order="day")
    assert list(table.x) == ["soil"] and len(table.names) == 12
    for name, start, size in zip(table.names, table.starts, table.sizes, strict=True):
        number = int(name.split()[1])
        expected = 100 * number + np.arange(3 + number % 5)
        assert table.y[start : start + size].tolist() == expected.tolist()
    # Where there is no order, that of the table is kept.
    table = read(rows, "plant", ["day"], "height")
    assert table.y.tolist() == rows["height"].tolist()
    assert table.row_numbers.tolist() == list(range(len(table.y)))


def test_parts_have_no_group_in_common():
    table = read(plants(), "plant", ["day"], "height")
    parts = table.split(0.5, 0.25, 0.25, seed=3)
    assert [len(part.names) for part in parts] == [6, 3, 3]
    assert set().union(*(part.names for part in parts)) == set(table.names)
    for part in parts:
        number = np.array([int(name.split()[1]) for name in part.names])[part.group_of_row]
        assert (part.y // 100 == number).all()


def test_parts_have_no_value_of_another_column_in_common():
    table = read(plants(), "plant", ["day"], "height", apart="soil")
    soils = [
        set(np.array(part.apart.names)[part.apart.numbers]) for part in table.split(0.4, 0.3, 0.3)
    ]
    assert [len(soil) for soil in soils] == [1, 1, 1] and len(set.union(*soils)) == 3


def test_groups_that_are_too_small():
    table, dropped = read(plants(), "plant", ["day"], "height").at_least(4)
    assert dropped == {"plant 0": 3, "plant 5": 3, "plant 10": 3} and table.sizes.min() == 4
    with pytest.raises(ValueError, match="No group has the 9 rows.*12 groups.*'plant 0' .3."):
        table = read(plants(), "plant", ["day"], "height").at_least(9)


def test_missing_values():
    rows = {"g": ["a", "a", "b"], "x": [1.0, np.nan, 2.0], "y": ["1", "2", ""]}
    with pytest.raises(ValueError, match="'x' lacks a value"):
        read(rows, "g", ["x"], "y")
    table = read(rows, "g", ["x"], "y", missing="mask")
    assert table.y.tolist() == [1, 2] and table.names.tolist() == ["a"]
    table = read({**rows, "x": [1, 2, 3]}, "g", ["x"], "y", known=False)
    assert np.isnan(table.y).tolist() == [False, False, True]
    with pytest.raises(ValueError, match="'g' lacks a value"):
        read({**rows, "g": ["a", "", "b"]}, "g", ["x"], "y", missing="mask")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": []}, "at least one column"),
        ({"x": ["day", "day"]}, "different columns.*Received: 'day' twice"),
        ({"x": ["height"]}, "Received: 'height' twice"),
        ({"x": ["day", "plant"]}, "Received: 'plant' twice"),
        ({"x": ["day"], "categories": ["soil"]}, "columns of `x`. Received: 'soil'"),
        ({"x": ["a b", "a_b"]}, "must differ in letters.*Received: .'a b', 'a_b'."),
        ({"y": "soil"}, "'soil' must hold numbers"),
        ({"order": "soil"}, "'soil' must hold numbers or ISO dates"),
        ({"missing": "ignore"}, "Received: missing='ignore'"),
    ],
)
def test_arguments_that_cannot_be_used(arguments, message):
    with pytest.raises(ValueError, match=message):
        read(plants(), "plant", **{"y": "height", **arguments})
