"""Checks of arguments."""

import numpy as np
import pytest

from keras_meta.episodes.arguments import check_integer, check_range


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_integers_become_python_integers(value):
    assert check_integer("n", value, minimum=3) == 3
    assert type(check_integer("n", value, minimum=-5)) is int


@pytest.mark.parametrize("value", [3.0, "3", None, True, np.float32(3), np.array([3])])
def test_others_are_not_integers(value):
    with pytest.raises(TypeError, match="`n` must be an integer. Received: n="):
        check_integer("n", value, minimum=0)


def test_an_integer_has_a_minimum():
    with pytest.raises(ValueError, match="`n` must be at least 2. Received: n=1."):
        check_integer("n", 1, minimum=2)


@pytest.mark.parametrize("value", [(1, 2.5), [1, 2.5], np.array([1, 2.5])])
def test_a_range_becomes_two_floats(value):
    low, high = check_range("r", value)
    assert (low, high) == (1.0, 2.5) and type(low) is type(high) is float
    assert check_range("r", (2, 2)) == (2.0, 2.0)


@pytest.mark.parametrize(
    "value", [(2, 1), 3.0, (1, 2, 3), (1,), ("a", "b"), None, (float("nan"), 1), (0, float("nan"))]
)
def test_what_is_no_range(value):
    with pytest.raises(ValueError, match=r"a pair \(low, high\) with low <= high. Received: r="):
        check_range("r", value)
