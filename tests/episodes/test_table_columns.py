"""Values of columns are numbers, dates or categories, and what is neither is named."""

import numpy as np
import pytest

from keras_meta.episodes.table_columns import (
    Categories,
    CategoryCollector,
    NumberCollector,
    UndecidedCollector,
)


def collect(collector, *chunks):
    for number, chunk in enumerate(chunks):
        collector.add(chunk, lambda k, number=number: f"chunk {number} row {k}")
    return collector.column()


def test_numbers_of_text_and_arrays():
    found = collect(NumberCollector("a", missing=True), ["1", "2.5e3"], ["", "nan"], np.array([4]))
    np.testing.assert_array_equal(found.values, [1, 2500, np.nan, np.nan, 4])
    np.testing.assert_array_equal(found.rows([4, 0]).values, [4, 1])


def test_dates_are_seconds():
    collector = NumberCollector("t", dates=True)
    found = collect(collector, ["1970-01-02", "1970-01-01T00:00:01.5"], ["7"])
    assert found.values.tolist() == [86400.0, 1.5, 7.0]
    times = np.array(["1970-01-02"], "datetime64[D]")
    assert collect(NumberCollector("t", dates=True), times).values.tolist() == [86400.0]


def test_categories_are_strings_whatever_their_type():
    found = collect(CategoryCollector("c", missing=True), ["b", "a"], np.array([7, 7]), [b"a", ""])
    assert [found.names[k] for k in found.numbers] == ["b", "a", "7", "7", "a", ""]
    missing = np.array(["x", None, np.nan, 2.0], object)
    found = collect(CategoryCollector("c", missing=True), missing)
    assert [found.names[k] for k in found.numbers] == ["x", "", "", "2"]


def test_the_first_chunk_with_values_decides():
    found = collect(UndecidedCollector("c", missing=True), ["", ""], ["", "b"])
    assert [found.names[k] for k in found.numbers] == ["", "", "", "b"]
    found = collect(UndecidedCollector("c", missing=True), [""], ["3"])
    np.testing.assert_array_equal(found.values, [np.nan, 3])
    assert np.isnan(collect(UndecidedCollector("c", missing=True), [""]).values).all()
    assert isinstance(collect(UndecidedCollector("c"), ["a", "b"], ["1"]), Categories)
    assert collect(UndecidedCollector("c"), ["1"], ["2"]).values.tolist() == [1, 2]
    with pytest.raises(ValueError, match="'c' must hold numbers.*categories.*'b' in chunk 0 row 1"):
        collect(UndecidedCollector("c"), ["1", "b"])


@pytest.mark.parametrize(
    ("collector", "values", "message"),
    [
        (NumberCollector("a"), ["1", ""], "lacks a value.*missing='mask'.*chunk 0 row 1"),
        (NumberCollector("a"), np.array([1.0, np.nan]), "lacks a value.*row 1"),
        (NumberCollector("a"), ["inf"], "finite numbers. Received: 'inf'"),
        (NumberCollector("a"), ["2026-01-01"], "must hold numbers.*'2026-01-01'"),
        (NumberCollector("a", dates=True), ["1", "monday"], "numbers or ISO dates.*'monday'"),
        (CategoryCollector("a"), ["x", " ", ""], "'a' lacks a value.*row 2"),
    ],
)
def test_values_that_cannot_be_used(collector, values, message):
    with pytest.raises(ValueError, match=message):
        collect(collector, values)
