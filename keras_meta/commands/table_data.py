"""Tables whose rows belong to groups, read from CSV and Parquet files."""

import hashlib
import sys
import warnings
from pathlib import Path

from keras_meta.commands import splits
from keras_meta.episodes import GroupedEpisodes, grouped_table
from keras_meta.episodes.table_columns import Numbers


def load(config):
    """Makes the task distributions of a run.

    Groups with too few rows are left out. A note says so.

    Args:
        config: dict, the options of `keras-meta train`.

    Returns:
        A function `(split, num_queries=None, num_support=None)` that returns the `GroupedEpisodes`
        of a split, with the sizes of the run unless others are given.

    Raises:
        ValueError: If the file cannot be used.
    """
    table = read(config["data"], config, apart=config["group"])
    # The files to predict from have the same columns of the same kinds, whatever their values.
    config.setdefault(
        "columns",
        {
            name: "number" if isinstance(column, Numbers) else "category"
            for name, column in table.x.items()
        },
    )
    fingerprint = hashlib.sha256(table.y.tobytes()).hexdigest()
    splits.check_unchanged(config, [*table.names.tolist(), fingerprint], "tasks or values")
    table, dropped = table.at_least(config["min_shots"] + 1)
    if dropped:
        note(f"{grouped_table.too_small(dropped)} They are left out.")
    try:
        parts = dict(zip(splits.SPLITS, table.split(seed=config["seed"]), strict=True))
    except ValueError as error:
        raise ValueError(
            f"Training, validation and test need tasks of their own, or values of --group. {error}"
        ) from error

    def distribution(split, num_queries=None, num_support=None):
        # Groups may have too few rows of this part; those left out of the table were noted.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return GroupedEpisodes(
                parts[split],
                num_support or (config["min_shots"], config["shots"]),
                num_queries or config["queries"],
                ordered=config["order"] is not None,
                from_start=config["from_start"],
                missing=_missing(config),
                seed=splits.split_seed(config, split),
            )

    return distribution


def read(path, config, apart=None, known=True, y=True):
    """Reads a file with the columns of a run.

    Args:
        path: Path of a `.csv` or `.parquet` file.
        config: dict, the options of the run.
        apart: str. See `episodes.from_groups`.
        known: bool. See `grouped_table.read`.
        y: bool. Whether the file has the column of values.

    Returns:
        A `GroupedTable`.

    Raises:
        ValueError: If the file cannot be used.
    """
    kinds = config.get("columns", {})
    categories = [name for name, kind in kinds.items() if kind == "category"]
    return grouped_table.read(
        path,
        config["task"],
        list(kinds) or config["x"],
        config["y"] if y else None,
        config["order"],
        apart,
        categories or config["categories"] or (),
        _missing(config),
        [name for name, kind in kinds.items() if kind == "number"],
        known,
    )


def description(config, train, validation):
    """Returns what is trained, and on which tasks."""
    kinds = ", ".join(f"{name} ({_kind(column)})" for name, column in train.table.x.items())
    low, high = train.num_support
    how = "by " + config["order"] if train.ordered else "at random"
    for name, column in train.table.x.items():
        if isinstance(column, Numbers) and name.lower().endswith("id"):
            note(f"{name} is read as numbers. If it holds names, list it in --categories.")
    return (
        f"{config['learner']} on {Path(config['network']).name} of {kinds}. {train.num_groups:,} "
        f"tasks with {len(train.table.y):,} rows to train on, {validation.num_groups:,} to "
        f"validate: {f'{low} to {high}' if low < high else high} known rows and at most "
        f"{train.num_queries} to predict, chosen {how}."
    )


def note(message):
    """Prints a note for the user."""
    print(f"keras-meta: note: {message}", file=sys.stderr)


def _kind(column):
    return "number" if isinstance(column, Numbers) else f"{len(column.names):,} categories"


def _missing(config):
    return "mask" if config["mask_missing"] else "error"
