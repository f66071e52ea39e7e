"""Predicts the values of unknown rows of new groups, given known rows of each group."""

import numpy as np
import tensorflow as tf

from keras_meta.commands import table_data, table_intervals
from keras_meta.episodes.grouped_table import GroupedTable
from keras_meta.episodes.table_tensors import table_tensors
from keras_meta.metrics.predicted_values import task_distribution


def predict(folder, config, known, unknown=None):
    """Predicts values, with intervals if the run has some.

    Args:
        folder: `RunFolder`.
        config: dict, the options of the run.
        known: Path of a file with the columns of the run. If there is no other, rows without a
            value are those to predict.
        unknown: Path of a file of rows to predict, or `None`.

    Returns:
        A list of rows, the first of which is the header, in the order of the file.

    Raises:
        ValueError: If a file cannot be used, or a group has no known row.
    """
    support, query = _rows(known, unknown, config)
    learner, intervals = folder.read_learner(), table_intervals.read(folder)
    mean, deviation = (np.empty(len(query.group_of_row)) for _ in range(2))
    of_group = tf.function(
        lambda *task: task_distribution(learner, *task), autograph=False, reduce_retracing=True
    )
    features = [table_tensors(part.x, config["mask_missing"]) for part in (support, query)]
    known_rows, unknown_rows = _rows_by_group(support), _rows_by_group(query)
    for name, rows_of_query in unknown_rows.items():
        rows = known_rows[name], rows_of_query
        support_x, query_x = (
            {column: x.gather(of_part) for column, x in part.items()}
            for part, of_part in zip(features, rows, strict=True)
        )
        support_y = tf.constant(support.y[rows[0]][:, None], tf.float32)
        found = of_group(support_x, support_y, query_x)
        mean[rows[1]], deviation[rows[1]] = (x.numpy()[:, 0] for x in found)
    return _table(query, config, mean, deviation, intervals)


def _rows(known, unknown, config):
    """Returns the tables of known rows and of rows to predict."""
    support = table_data.read(known, config, known=False)
    has_value = ~np.isnan(support.y)
    if unknown is None:
        query, where = support.rows(~has_value), f"{known}, which has a value in every row"
    else:
        query, where = table_data.read(unknown, config, y=False), unknown
        if not has_value.all() and not config["mask_missing"]:
            raise ValueError(
                f"Every known row needs a {config['y']}. Fill it in, or leave --query out to "
                f"predict such rows. Received: {known} with {(~has_value).sum()} rows without."
            )
    if not len(query.names):
        raise ValueError(
            f"There is nothing to predict: leave {config['y']!r} empty in the rows to predict, or "
            f"name their file with --query. Received: {where}."
        )
    support = support.rows(has_value)
    alone = sorted(set(query.names) - set(support.names))
    if alone:
        raise ValueError(
            f"Every {config['task']} needs at least one known row, with a {config['y']}. "
            f"Received: {where} with {len(alone):,} that have none: {', '.join(alone[:10])}."
        )
    return support, query


def _rows_by_group(table):
    """Returns a dict of the numbers of the rows of each group."""
    rows = np.split(np.arange(len(table.group_of_row)), table.starts[1:])
    return dict(zip(table.names, rows, strict=True))


def _table(query: GroupedTable, config, mean, deviation, intervals):
    """Returns the rows of the output, in the order of the file of the rows to predict."""
    header = [config["task"], *query.x, config["y"]]
    columns = [query.names[query.group_of_row], *map(_values, query.x.values()), _numbers(mean)]
    if intervals is not None:
        header += ["lower", "upper"]
        columns += map(_numbers, intervals.bounds(mean, deviation))
    rows = list(zip(*columns, strict=True))
    return [header, *(rows[k] for k in np.argsort(query.row_numbers))]


def _values(column):
    if hasattr(column, "names"):
        return [column.names[number] for number in column.numbers]
    return ["" if np.isnan(value) else f"{value:.12g}" for value in column.values]


def _numbers(values):
    return [f"{value:.6g}" for value in values]
