"""Selection of the examples of a published split."""

import numpy as np


def classes_of(splits, split):
    """Returns the names of the classes of a split, or of several joined by `+`.

    Args:
        splits: dict, from `"train"`, `"validation"` and `"test"` to tuples of names.
        split: String, such as `"train"` or `"train+validation"`.

    Raises:
        ValueError: If there is no such split, or one is named twice.
    """
    parts = split.split("+") if isinstance(split, str) else []
    if not parts or len(set(parts)) < len(parts) or not set(parts) <= set(splits):
        raise ValueError(
            f"`split` must be one of {', '.join(map(repr, splits))}, or several of them joined by "
            f"'+'. Received: split={split!r}."
        )
    return tuple(name for part in parts for name in splits[part])


def rows_of(name, source, labels, classes):
    """Returns the rows of the examples of some classes, sorted.

    Args:
        name: String. The data set, for the message.
        source: Path of the data, for the message.
        labels: Array of strings `[examples]`.
        classes: Tuple of strings, all of which must be among the labels.

    Raises:
        ValueError: If a class has no examples.
    """
    missing = sorted(set(classes) - set(labels.tolist()))
    if missing:
        named = ", ".join(missing[:10]) + ", ..." * (len(missing) > 10)
        raise ValueError(
            f"{name} needs the examples of {len(classes)} classes for this split. Received: "
            f"{source}, which lacks {len(missing)} of them: {named}. Classes must have their "
            f"published names; see `keras_meta.episodes.datasets`."
        )
    return np.flatnonzero(np.isin(labels, classes))


def absent(name, source, accepted):
    """Returns the error that says that the data are not there.

    Args:
        name: String. The data set.
        source: The path that was given, or `None`.
        accepted: String, what could have been given.
    """
    return ValueError(
        f"The data of {name} are not here, and nothing is downloaded by itself. Pass {accepted}. "
        f"Received: path={None if source is None else str(source)!r}."
    )
