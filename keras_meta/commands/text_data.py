"""Texts with labels, read from CSV files."""

import sys
from pathlib import Path

import numpy as np

from keras_meta.commands import csv_files, splits

_SPLIT = "split"


def read(config):
    """Reads the texts of a run.

    Rows that repeat others are left out, as an episode could have one as support example and query,
    and so are labels with too few examples for an episode. A note says so.

    Args:
        config: dict, the options of `keras-meta train`.

    Returns:
        Tuple `(texts, labels, parts)`: two arrays of strings, and a dict of the rows of each split,
        or `None` if the labels are still to be divided.

    Raises:
        ValueError: If the file cannot be used.
    """
    path, group = config["data"], config["group"]
    others = {"optional": [_SPLIT]} if group is None else {"required": [group]}
    texts, labels, columns = _rows(path, config, **others)
    splits.check_unchanged(config, [*labels, *texts], "texts or labels")
    frequent = _frequent(labels, config["shots"] + config["queries"])
    texts, labels = texts[frequent], labels[frequent]
    columns = {name: values[frequent] for name, values in columns.items()}
    if group is not None:
        return texts, labels, splits.by_group(path, labels, columns[group], config["seed"])
    return texts, labels, splits.by_name(path, labels, columns.get(_SPLIT))


def read_known(path, config):
    """Reads labelled texts to learn from.

    Args:
        path: Path of a CSV file.
        config: dict, the options of the run.

    Returns:
        Tuple `(texts, labels)` of arrays of strings.

    Raises:
        ValueError: If the file cannot be used, or has a single label.
    """
    texts, labels, _ = _rows(path, config)
    if len(set(labels)) < 2:
        raise ValueError(
            f"There must be texts of at least two labels. Received: {path}, in which all "
            f"{len(labels)} have the label {labels[0]!r}. Add texts of others."
        )
    return texts, labels


def read_unknown(path, config):
    """Reads texts to classify, which may be empty and may repeat: an array of strings."""
    name = config["text"]
    return np.array(csv_files.read(path, [name], may_be_empty=[name])[name], object)


def description(config, train, validation):
    """Returns what is trained, and on which tasks."""
    return (
        f"{config['learner']} on {Path(config['network']).name}, {len(train.y):,} texts of "
        f"{train.num_classes} labels. Training tasks are {train.num_ways}-way "
        f"{train.num_shots}-shot, validation tasks {validation.num_ways}-way of "
        f"{validation.num_classes} other labels."
    )


def _rows(path, config, required=(), optional=()):
    """Returns texts, labels and a dict of all columns, without rows that repeat others."""
    text, label = config["text"], config["label"]
    columns = csv_files.read(path, [text, label, *required], optional)
    seen = {pair: row for row, pair in enumerate(zip(columns[text], columns[label], strict=True))}
    rows = sorted(seen.values())
    repeated = len(columns[text]) - len(rows)
    if repeated:
        _note(f"{repeated:,} rows repeat the text and label of another and are left out.")
    # Strings of Python, because NumPy's are all as long as the longest.
    columns = {name: np.array(values, object)[rows] for name, values in columns.items()}
    return columns[text], columns[label], columns


def _frequent(labels, needed):
    """Returns the rows of the labels that have enough examples."""
    names, numbers = np.unique(labels, return_counts=True)
    rare = numbers < needed
    if rare.all():
        raise ValueError(
            f"No label has the {needed} examples that a task needs (--shots + --queries). "
            f"Received: at most {numbers.max(initial=0)} examples of a label. "
            "Choose fewer --queries, or add examples."
        )
    if rare.any():
        counted = [f"{names[k]!r} ({numbers[k]})" for k in np.flatnonzero(rare)]
        listed = ", ".join(counted[:10]) + ", ..." * (len(counted) > 10)
        _note(
            f"{len(counted)} of {len(names)} labels have fewer examples than the {needed} that a "
            f"task needs (--shots + --queries), and are left out: {listed}."
        )
    return np.flatnonzero(~np.isin(labels, names[rare]))


def _note(message):
    print(f"keras-meta: note: {message}", file=sys.stderr)
