"""Columns of a table, collected from chunks of text or arrays: numbers, dates and categories."""

from typing import NamedTuple

import numpy as np


class Numbers(NamedTuple):
    """A column of numbers.

    Attributes:
        values: float64 array `[rows]`; NaN where a value is missing.
    """

    values: np.ndarray

    def rows(self, rows):
        """Returns the column of these rows."""
        return Numbers(self.values[rows])


class Categories(NamedTuple):
    """A column of categories.

    Attributes:
        numbers: int32 array `[rows]`, positions in `names`.
        names: List of different strs; `""` is a missing value.
    """

    numbers: np.ndarray
    names: list

    def rows(self, rows):
        """Returns the column of these rows."""
        return Categories(self.numbers[rows], self.names)


class NumberCollector:
    """Collects a column of numbers, or of numbers and ISO dates, which become seconds.

    Args:
        name: str, the name of the column.
        missing: bool. Whether values may be missing: an empty field, `None` or NaN.
        dates: bool. Whether dates such as `2026-05-04` or `2026-05-04T12:30` are accepted.
    """

    def __init__(self, name, missing=False, dates=False):
        self.name = name
        self.missing = missing
        self.dates = dates
        self._parts = []

    def add(self, values, place):
        """Adds a chunk.

        Args:
            values: Array, or list of strs.
            place: Callable, number of a row of the chunk to str, for messages.

        Raises:
            ValueError: If a value is not a finite number, or is missing and may not be.
        """
        numbers = self._numbers(values)
        if numbers is None:
            k = next(k for k, value in enumerate(values) if self._numbers([value]) is None)
            kinds = "numbers or ISO dates" if self.dates else "numbers"
            raise ValueError(
                f"The column {self.name!r} must hold {kinds}. Correct the value, or list the "
                f"column in `categories` if it holds names. Received: {values[k]!r} in {place(k)}."
            )
        if np.isinf(numbers).any():
            k = int(np.isinf(numbers).argmax())
            raise ValueError(
                f"The column {self.name!r} must hold finite numbers. Received: {values[k]!r} in "
                f"{place(k)}."
            )
        if not self.missing and np.isnan(numbers).any():
            raise missing_error(self.name, place(int(np.isnan(numbers).argmax())))
        self._parts.append(numbers)

    def column(self):
        """Returns the `Numbers` of all chunks."""
        return Numbers(np.concatenate(self._parts))

    def _numbers(self, values):
        """Returns a float64 array, or `None` if a value is not a number."""
        if isinstance(values, np.ndarray) and values.dtype.kind in "iufb":
            return values.astype("float64")
        if isinstance(values, np.ndarray) and values.dtype.kind == "M":
            return _seconds(values) if self.dates else None
        texts = [missing_as_empty(value) for value in values]
        if "" in texts:
            texts = [text or "nan" for text in texts]
        try:
            return np.array(texts, "float64")
        except (TypeError, ValueError):
            pass
        try:
            return _seconds(np.array(texts, "datetime64[ms]")) if self.dates else None
        except ValueError:
            return None


class CategoryCollector:
    """Collects a column of categories, which are strings or become strings.

    Args:
        name: str, the name of the column.
        missing: bool. Whether values may be missing.
    """

    def __init__(self, name, missing=False):
        self.name = name
        self.missing = missing
        self._numbers = {}
        self._parts = []

    def add(self, values, place):
        """Adds a chunk. See `NumberCollector.add`."""
        if isinstance(values, np.ndarray) and values.dtype.kind in "iufbM":
            # Each distinct number is converted once.
            distinct, inverse = np.unique(values, return_inverse=True)
        else:
            distinct, inverse = values, None
        numbers = self._numbers
        found = [numbers.setdefault(as_text(value), len(numbers)) for value in distinct]
        found = np.array(found, "int32")
        found = found if inverse is None else found[inverse.reshape(-1)]
        if not self.missing and "" in numbers:
            raise missing_error(self.name, place(int((found == numbers[""]).argmax())))
        self._parts.append(found)

    def column(self):
        """Returns the `Categories` of all chunks."""
        return Categories(np.concatenate(self._parts), list(self._numbers))


class UndecidedCollector:
    """Collects numbers or categories, as the first chunk with values tells: numbers if one is.

    Args:
        name: str, the name of the column.
        missing: bool. Whether values may be missing.
    """

    def __init__(self, name, missing=False):
        self.name = name
        self.missing = missing
        self._collector = None
        self._waiting = []  # chunks without values

    def add(self, values, place):
        """Adds a chunk. See `NumberCollector.add`."""
        self._waiting.append((values, place))
        if self._collector is None and any(missing_as_empty(value) != "" for value in values):
            kind = NumberCollector if _any_number(values) else CategoryCollector
            self._collector = kind(self.name, self.missing)
        if self._collector is not None:
            self._add_waiting()

    def column(self):
        """Returns the `Numbers` or `Categories` of all chunks; numbers if all are missing."""
        if self._collector is None:
            self._collector = NumberCollector(self.name, self.missing)
            self._add_waiting()
        return self._collector.column()

    def _add_waiting(self):
        for values, place in self._waiting:
            self._collector.add(values, place)
        self._waiting.clear()


def missing_error(name, place):
    """Returns the error for a value that is missing."""
    return ValueError(
        f"The column {name!r} lacks a value. Fill it in, remove the row, or, if it is a column of "
        f"`x` or `y`, pass missing='mask'. Received: an empty value in {place}."
    )


def missing_as_empty(value):
    """Returns `""` for `None`, NaN and `pandas.NA`, and other values as they are."""
    try:
        return "" if value is None or value != value else value
    except TypeError:  # the comparison of `pandas.NA` is neither true nor false
        return ""


def as_text(value):
    """Returns the name of a category: integers are written alike, whatever their type."""
    value = missing_as_empty(value)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _any_number(values):
    if isinstance(values, np.ndarray) and values.dtype.kind != "O":
        return values.dtype.kind in "iufb"
    return any(_is_number(value) for value in values)


def _is_number(value):
    try:
        return not isinstance(value, bytes) and np.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def _seconds(dates):
    missing = np.isnat(dates)
    return np.where(missing, np.nan, dates.astype("datetime64[ms]").astype("int64") / 1000.0)
