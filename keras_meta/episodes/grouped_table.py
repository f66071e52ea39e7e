"""A table whose rows belong to groups, sorted by group."""

from typing import NamedTuple

import numpy as np

from keras_meta.episodes import table_reading
from keras_meta.episodes.class_splits import split_classes
from keras_meta.episodes.table_columns import (
    Categories,
    CategoryCollector,
    NumberCollector,
    UndecidedCollector,
)
from keras_meta.episodes.table_tensors import feature_name


class GroupedTable(NamedTuple):
    """Rows of features and a target, those of a group together and in their order.

    Group `g` has the rows `starts[g], ..., starts[g] + sizes[g] - 1`.

    Attributes:
        x: dict, name to `Numbers` or `Categories`.
        y: float64 array `[rows]`, NaN where the target is missing; or `None`.
        group_of_row: int array `[rows]`, sorted positions in `names`.
        names: Array `[groups]` of strs.
        apart: `Categories`, the column whose values splits keep apart; or `None` for the groups.
        row_numbers: int array `[rows]`, the numbers that the rows had in the table.

    Example:

    ```python
    from keras_meta.episodes.grouped_table import read

    plants = {"plant": ["b", "a", "b"], "day": [1, 1, 2], "height": [3.0, 2.5, 4.0]}
    table = read(plants, task="plant", x=["day"], y="height")
    assert table.names.tolist() == ["b", "a"] and table.sizes.tolist() == [2, 1]
    assert table.y.tolist() == [3.0, 4.0, 2.5]
    ```
    """

    x: dict
    y: np.ndarray | None
    group_of_row: np.ndarray
    names: np.ndarray
    apart: Categories | None
    row_numbers: np.ndarray

    @property
    def sizes(self):
        """int array `[groups]`, the number of rows of each group."""
        return np.bincount(self.group_of_row, minlength=len(self.names))

    @property
    def starts(self):
        """int array `[groups]`, the first row of each group."""
        return np.cumsum(self.sizes) - self.sizes

    def rows(self, rows):
        """Returns the table of these rows, in the order of the table.

        Args:
            rows: bool array `[rows]`, or increasing int array.
        """
        groups, group_of_row = np.unique(self.group_of_row[rows], return_inverse=True)
        return GroupedTable(
            {name: column.rows(rows) for name, column in self.x.items()},
            None if self.y is None else self.y[rows],
            group_of_row,
            self.names[groups],
            None if self.apart is None else self.apart.rows(rows),
            self.row_numbers[rows],
        )

    def at_least(self, least):
        """Returns the table without groups of fewer rows, and a dict of their names and sizes.

        Raises:
            ValueError: If all groups have fewer.
        """
        sizes = self.sizes
        small = sizes < least
        dropped = dict(zip(self.names[small].tolist(), sizes[small].tolist(), strict=True))
        if small.all():
            raise ValueError(
                f"No group has the {least} rows that a task needs, one more than the smallest "
                f"support set. Received: {too_small(dropped)}"
            )
        return (self.rows(~small[self.group_of_row]) if dropped else self), dropped

    def split(self, train=0.64, validation=0.16, test=0.2, seed=0):
        """Splits the table by group, or by the values of the column that is kept apart.

        Args:
            train: float. Fraction of the groups, or values, for training.
            validation: float. Fraction for validation; may be 0.
            test: float. Fraction for testing; may be 0.
            seed: int. The split is a function of it.

        Returns:
            Three tables. No group is in two of them; or, if a column is kept apart, no value of it.

        Raises:
            ValueError: If there are too few groups or values.
        """
        values = self.group_of_row if self.apart is None else self.apart.numbers
        parts = split_classes(values, train, validation, test, seed)
        return tuple(self.rows(rows) for rows in parts)


def read(
    table,
    task,
    x=None,
    y=None,
    order=None,
    apart=None,
    categories=(),
    missing="error",
    numbers=(),
    known=True,
):
    """Reads a table and sorts its rows by group. See `episodes.from_groups`.

    Args:
        table: See `episodes.from_groups`.
        task: See `episodes.from_groups`.
        x: See `episodes.from_groups`.
        y: See `episodes.from_groups`; `None` for a table without targets.
        order: See `episodes.from_groups`.
        apart: See `episodes.from_groups`.
        categories: See `episodes.from_groups`.
        missing: See `episodes.from_groups`.
        numbers: Names of columns of `x` that must hold numbers. Of the others, their values tell.
        known: bool. Whether rows must have a target. With `missing="mask"`, those that have none
            are left out; if they need not have one, they stay.

    Returns:
        A `GroupedTable`.
    """
    x = _feature_names(table, task, x, y, order, apart)
    if missing not in ("error", "mask"):
        raise ValueError(f"`missing` must be 'error' or 'mask'. Received: missing={missing!r}.")
    _check_roles(task, x, y, categories)
    masked = missing == "mask"
    collectors = [CategoryCollector(task)]
    for name in x:
        kind = UndecidedCollector
        if name in categories or name in numbers:
            kind = CategoryCollector if name in categories else NumberCollector
        collectors.append(kind(name, masked))
    extra = {}
    if y is not None:
        extra["y"] = NumberCollector(y, missing=masked or not known)
    if order is not None:
        extra["order"] = NumberCollector(order, dates=True)
    if apart is not None:
        extra["apart"] = CategoryCollector(apart)
    groups, *columns = table_reading.read(table, [*collectors, *extra.values()])
    found = dict(zip(extra, columns[len(x) :], strict=True))
    order = found["order"].values if "order" in found else None
    # Stable: rows that are not ordered otherwise stay in the order of the table.
    keys = (groups.numbers,) if order is None else (order, groups.numbers)
    rows = np.lexsort(keys)
    grouped = GroupedTable(
        {name: column.rows(rows) for name, column in zip(x, columns, strict=False)},
        found["y"].values[rows] if "y" in found else None,
        groups.numbers[rows],
        np.array(groups.names, object),
        found["apart"].rows(rows) if "apart" in found else None,
        rows,
    )
    if known and y is not None and masked:
        return grouped.rows(~np.isnan(grouped.y))
    return grouped


def too_small(groups):
    """Returns a sentence about groups that have too few rows, a dict of names and sizes."""
    listed = ", ".join(f"{name!r} ({size})" for name, size in list(groups.items())[:10])
    return (
        f"{len(groups):,} groups have too few rows for a task: {listed}"
        f"{', ...' * (len(groups) > 10)}."
    )


def _feature_names(table, task, x, y, order, apart):
    if x is None:
        others = {task, y, order, apart}
        return [name for name in table_reading.column_names(table) if name not in others]
    return [x] if isinstance(x, str) else list(x)


def _check_roles(task, x, y, categories):
    if not x:
        raise ValueError("`x` must name at least one column. Received: x=[].")
    named = [task, *x] if y is None else [task, *x, y]
    twice = [name for name in named if named.count(name) > 1]
    if twice:
        raise ValueError(
            "`task`, `y` and each of `x` must be different columns: a learner is to predict `y` "
            f"without it. Received: {twice[0]!r} twice, in task={task!r}, x={x}, y={y!r}."
        )
    features = [feature_name(name) for name in x]
    alike = [name for name in x if features.count(feature_name(name)) > 1]
    if alike:
        raise ValueError(
            "Names of columns must differ in letters, digits or underscores: other characters "
            f"become underscores. Rename one. Received: {alike[:2]}."
        )
    unknown = [name for name in categories if name not in x]
    if unknown:
        raise ValueError(
            f"`categories` must be columns of `x`. Received: {unknown[0]!r}, which is not in {x}."
        )
