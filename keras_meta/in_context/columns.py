"""Tables of numbers and categories as arrays for the network."""

import numpy as np

from keras_meta.episodes.table_columns import (
    CategoryCollector,
    NumberCollector,
    Numbers,
    UndecidedCollector,
)


class TableColumns:
    """Numbers and categories of a table as one array, as the rows that it was fitted to tell.

    Numbers are standardised; categories become codes in the order of their names, and those that
    the fitted rows do not have are missing.

    Args:
        columns: Sequence of columns, each a one-dimensional array or list of numbers or strs, in
            which `None`, NaN and `""` are missing values.
        names: List of strs, the names of the columns, for messages.

    Attributes:
        categories: bool array `[columns]`, which columns hold categories.
        fits: List, for each column its mean and standard deviation, or a dict from the names of
            categories to codes.

    Example:

    ```python
    from keras_meta.in_context.columns import TableColumns

    columns = TableColumns([[1.0, 3.0, None], ["b", "a", "b"]], ["size", "kind"])
    assert columns([[2.0], ["a"]]).tolist() == [[0.0, 0.0]]
    ```
    """

    def __init__(self, columns, names):
        self.names = list(names)
        self.fits = []
        for values, name in zip(columns, self.names, strict=True):
            found = _collected(UndecidedCollector(name, missing=True), values)
            self.fits.append(
                _standardization(found.values)
                if isinstance(found, Numbers)
                else {name: code for code, name in enumerate(sorted(set(found.names) - {""}))}
            )
        self.categories = np.array([isinstance(fit, dict) for fit in self.fits])

    def __call__(self, columns):
        """Returns rows as a float32 array `[rows, columns]`, NaN where a value is missing.

        Args:
            columns: Sequence of columns, like those that it was fitted to.
        """
        arrays = []
        for values, name, fit in zip(columns, self.names, self.fits, strict=True):
            if isinstance(fit, dict):
                found = _collected(CategoryCollector(name, missing=True), values)
                codes = np.array([fit.get(category, np.nan) for category in found.names])
                arrays.append(codes[found.numbers])
            else:
                found = _collected(NumberCollector(name, missing=True), values)
                # In double precision: small differences of large numbers count.
                arrays.append((found.values - fit[0]) / fit[1])
        return np.stack(arrays, 1).astype("float32")


def _collected(collector, values):
    collector.add(values, lambda row: f"row {row}")
    return collector.column()


def _standardization(values):
    known = values[~np.isnan(values)]
    if not len(known):
        return 0.0, 1.0
    # Not the square of large numbers, which may overflow.
    size = max(np.abs(known).max(), np.finfo("float64").tiny)
    mean, scale = (known / size).mean() * size, (known / size).std() * size
    return mean, scale if scale > 1e-14 * size else 1.0
