"""Predicts rows of one table from rows of another, by the network of tables."""

import numpy as np

from keras_meta.episodes import table_reading
from keras_meta.episodes.table_columns import CategoryCollector, Numbers, UndecidedCollector
from keras_meta.in_context.columns import TableColumns
from keras_meta.in_context.distribution import INTERVAL, bucket_mean, bucket_quantiles
from keras_meta.in_context.limits import MAX_CLASSES, check_classes, check_table
from keras_meta.in_context.predictor import TablePredictor
from keras_meta.in_context.weights import read_network


def predictions(options):
    """Returns the rows of the output, the first of which is the header.

    Args:
        options: See `commands.table`.

    Raises:
        ValueError: If the files do not fit each other, or are too large.
    """
    known, wanted = map(table_reading.column_names, (options.train, options.test))
    shared = _shared_columns(options, known, wanted)
    target = _read(options.train, [options.target], UndecidedCollector)[0]
    train = _read(options.train, shared, UndecidedCollector)
    columns = TableColumns([_values(column) for column in train], shared)
    kinds = [CategoryCollector if kind else UndecidedCollector for kind in columns.categories]
    test = [_read(options.test, [name], kind)[0] for name, kind in zip(shared, kinds, strict=True)]
    x, query = (columns([_values(column) for column in part]) for part in (train, test))
    check_table(*x.shape)
    network = read_network(options.weights)
    if options.kind == "numbers" or (options.kind is None and _are_numbers(target)):
        rows = _numbers(options, network, columns, x, _values(target), query)
    else:
        rows = _classes(options, network, columns, x, target, query)
    # They may say which row it is.
    unused = [name for name in wanted if name not in {options.target, *shared}]
    return _with_columns(options.test, unused, rows) if unused else rows


def _shared_columns(options, train, test):
    if options.target not in train:
        raise ValueError(
            f"--target must be a column of {options.train}. "
            f"Received: {options.target}; its columns are {', '.join(train)}."
        )
    left_out = {options.target, *options.ignore}
    shared = [name for name in train if name in test and name not in left_out]
    if not shared:
        raise ValueError(
            f"{options.train} and {options.test} need columns in common besides the target. "
            f"Received: {', '.join(train)} and {', '.join(test)}."
        )
    return shared


def _with_columns(path, names, rows):
    """Returns rows with columns of a file, as they are, in front of them."""
    read = zip(names, _read(path, names, CategoryCollector), strict=True)
    columns = [[name, *_values(column)] for name, column in read]
    return [[*front, *row] for *front, row in zip(*columns, rows, strict=True)]


def _read(path, names, collector):
    return table_reading.read(path, [collector(name, missing=True) for name in names])


def _values(column):
    if isinstance(column, Numbers):
        return column.values
    return np.array(column.names, object)[column.numbers]


def _are_numbers(target):
    return isinstance(target, Numbers) and len(np.unique(target.values)) > MAX_CLASSES


def _checked(options, missing):
    if missing.any():
        raise ValueError(
            f"Every row of {options.train} needs a {options.target}. Fill it in, or remove the "
            f"row. Received: {missing.sum():,} rows without."
        )


def _numbers(options, network, columns, x, y, query):
    y = np.asarray(y, "float64")
    _checked(options, np.isnan(y))
    mean, scale = y.mean(), y.std() or 1.0
    predictor = TablePredictor(network, x, (y - mean) / scale, columns.categories, options.members)
    borders = network.borders.astype("float64") * scale + mean
    found = predictor.probabilities(query)
    means = bucket_mean(found, borders)[:, None]
    values = np.concatenate([means, bucket_quantiles(found, borders, INTERVAL)], 1)
    header = [options.target, "lower", "upper"]
    return [header, *([f"{value:.6g}" for value in row] for row in values)]


def _classes(options, network, columns, x, target, query):
    if isinstance(target, Numbers):
        _checked(options, np.isnan(target.values))
        names, labels = np.unique(target.values, return_inverse=True)
        names = [f"{name:.12g}" for name in names]
    else:
        values = _values(target)
        _checked(options, values == "")
        names, labels = np.unique(values.astype(str), return_inverse=True)
    check_classes(len(names))
    predictor = TablePredictor(
        network, x, labels.astype("int32"), columns.categories, options.members
    )
    found = predictor.probabilities(query)
    header = [options.target, *(f"probability of {name}" for name in names)]
    return [header, *([names[row.argmax()], *(f"{p:.6f}" for p in row)] for row in found)]
