"""Reads tables from dicts of arrays, data frames, CSV and Parquet files, chunk by chunk."""

import collections.abc
import importlib
import os

import numpy as np

from keras_meta.episodes import csv_chunks

_ROWS = 2**18  # of a chunk of a Parquet file


def read(table, collectors):
    """Reads columns of a table.

    Args:
        table: dict of one-dimensional arrays or lists, pandas `DataFrame`, or path of a `.csv` or
            `.parquet` file.
        collectors: List of collectors of columns, such as `NumberCollector`, each of which names
            its column.

    Returns:
        List of `Numbers` or `Categories`, one for each collector.

    Raises:
        ValueError: If the table cannot be read, lacks a column or has no rows.
        TypeError: If it is something else.
        ImportError: If a Parquet file needs a package that is not installed.

    Example:

    ```python
    from keras_meta.episodes import table_reading
    from keras_meta.episodes.table_columns import CategoryCollector

    (users,) = table_reading.read({"user": [7, 7, 3]}, [CategoryCollector("user")])
    assert users.names == ["3", "7"] and users.numbers.tolist() == [1, 1, 0]
    ```
    """
    names = list(dict.fromkeys(collector.name for collector in collectors))
    for place, columns in _chunks(table, names):
        for collector in collectors:
            collector.add(columns[collector.name], place)
    return [collector.column() for collector in collectors]


def column_names(table):
    """Returns the names of all columns of a table. See `read`."""
    if isinstance(table, (str, os.PathLike)) and not str(table).endswith(".parquet"):
        return list(next(csv_chunks.read(table, size=1)).columns)
    if isinstance(table, (str, os.PathLike)):
        return list(_parquet(table).schema_arrow.names)
    return [str(name) for name in table]


def _chunks(table, names):
    """Yields pairs of a function that names the place of a row, and a dict of columns."""
    if isinstance(table, (str, os.PathLike)):
        if str(table).endswith(".parquet"):
            return _parquet_chunks(table, names)
        if str(table).endswith(".csv"):
            return _csv_chunks(table, names)
        raise ValueError(
            f"A file of a table must be .csv or .parquet. Received: {os.fspath(table)}."
        )
    # A data frame is not a mapping, but has the same two methods.
    if isinstance(table, collections.abc.Mapping) or hasattr(table, "columns"):
        return iter([_whole(table, names)])
    raise TypeError(
        "`table` must be a dict of arrays, a pandas DataFrame, or the path of a .csv or .parquet "
        f"file. Received: {type(table).__name__}."
    )


def _csv_chunks(path, names):
    for lines, columns in csv_chunks.read(path, names):
        yield (lambda k, lines=lines: f"{path}: line {lines[k]}"), columns


def _parquet_chunks(path, names):
    file, first = _parquet(path), 0
    _check_names(path, file.schema_arrow.names, names)
    for batch in file.iter_batches(_ROWS, columns=names):
        columns = {name: batch.column(name).to_numpy(zero_copy_only=False) for name in names}
        yield (lambda k, first=first: f"{path}: row {first + k}"), columns
        first += batch.num_rows
    if not first:
        raise ValueError(f"A table needs at least one row. Received: {path} with none.")


def _parquet(path):
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise ImportError(
            "Parquet files are read by pyarrow. Install it with `pip install pyarrow`, or save the "
            f"table as .csv. Received: {path}."
        ) from error
    try:
        return parquet.ParquetFile(path)
    except (OSError, ValueError) as error:  # pyarrow's own errors are among these
        raise ValueError(
            f"The file cannot be read as Parquet. Received: {path}: {error}"
        ) from error


def _whole(table, names):
    _check_names(f"a {type(table).__name__}", list(table), names)
    columns = {name: _array(name, table[name]) for name in names}
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1 or not min(lengths.values()):
        raise ValueError(
            "The columns of a table must have the same number of rows, at least one. Received: "
            f"{', '.join(f'{name!r} with {length}' for name, length in lengths.items())}."
        )
    return (lambda k: f"row {k}"), columns


def _array(name, values):
    values = np.asarray(values)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(
            f"A column must be one-dimensional. Received: {name!r} with shape {values.shape}."
        )
    return values


def _check_names(table, header, names):
    for name in names:
        if header.count(name) != 1:
            problem = "lacks a column" if name not in header else "has a column twice"
            raise ValueError(
                f"The table {problem}. Received: {table} with columns "
                f"{[str(name) for name in header]}, where {name!r} must be one of them."
            )
