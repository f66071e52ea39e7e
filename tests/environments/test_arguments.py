"""Checks of arguments that the environments share."""

import numpy as np
import pytest

from keras_meta.environments.arguments import check_number


def test_numbers():
    assert check_number("x", 0) == 0.0 and isinstance(check_number("x", 0), float)
    assert check_number("x", np.float32(0.5), positive=True) == 0.5


@pytest.mark.parametrize("value", [-1, True, "1", None, float("nan"), float("inf")])
def test_what_is_not_one(value):
    with pytest.raises(ValueError, match=r"`x` must be a number of at least 0. Received: x="):
        check_number("x", value)


def test_zero_is_not_positive():
    with pytest.raises(ValueError, match="`x` must be a positive number. Received: x=0."):
        check_number("x", 0, positive=True)
