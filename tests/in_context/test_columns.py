"""Columns of numbers and names as arrays."""

import numpy as np
import pytest

from keras_meta.in_context.columns import TableColumns


def test_numbers_are_standardised_and_names_become_codes():
    columns = TableColumns([[1.0, 3.0, None], ["b", "a", ""]], ["size", "kind"])
    np.testing.assert_array_equal(columns.categories, [False, True])
    found = columns([[3.0, np.nan], ["b", "never seen"]])
    np.testing.assert_array_equal(found, [[1.0, 1.0], [np.nan, np.nan]])
    assert found.dtype == np.float32


def test_small_differences_of_large_numbers_count():
    columns = TableColumns([np.array([1e12, 1e12 + 1.0])], ["x"])
    np.testing.assert_allclose(columns([[1e12, 1e12 + 1.0]])[:, 0], [-1.0, 1.0], rtol=1e-2)


def test_huge_and_constant_numbers():
    columns = TableColumns([np.array([1e300, -1e300]), np.array([7.0, 7.0])], ["a", "b"])
    np.testing.assert_allclose(columns([[1e300], [7.0]]), [[1.0, 0.0]])
    assert TableColumns([[None, None]], ["a"])([[2.0]]).tolist() == [[2.0]]


def test_what_is_not_a_number_is_named():
    columns = TableColumns([[1.0, 2.0]], ["size"])
    with pytest.raises(ValueError, match="'size' must hold numbers.*Received: 'big' in row 0"):
        columns([["big"]])
