"""The training, validation and test parts of labelled data."""

import hashlib

import numpy as np

from keras_meta import episodes

SPLITS = ("train", "validation", "test")


def split_seed(config, split):
    """Returns a seed for each split, so that none repeats the tasks of another."""
    return len(SPLITS) * config["seed"] + SPLITS.index(split)


def by_name(path, y, split):
    """Returns the rows of each part, as the data name it.

    Args:
        path: Path of the file, for messages.
        y: Array of labels.
        split: Array with the name of a part for each example, or `None`.

    Returns:
        dict, part to array of rows; `None` if `split` is `None`.

    Raises:
        ValueError: If a name is unknown, or a class is in two parts.
    """
    if split is None:
        return None
    if split.shape != y.shape or not set(np.unique(split).tolist()) <= set(SPLITS):
        raise ValueError(
            f"`split` must name one of {list(SPLITS)} for each example. Received: {path} "
            f"with `split` of shape {split.shape} and values {np.unique(split).tolist()[:5]}."
        )
    parts = {name: np.flatnonzero(split == name) for name in SPLITS}
    for first, second in (SPLITS[:2], SPLITS[1:], SPLITS[::2]):
        common = np.intersect1d(y[parts[first]], y[parts[second]])
        if len(common):
            raise ValueError(
                f"A class must be in one split only. Received: {path} with class "
                f"{common.tolist()[0]!r} in {first} and {second}. Change `split`, or rename it to "
                "have the classes divided."
            )
    return parts


def by_class(y, seed, num_ways=1):
    """Divides data by class.

    Args:
        y: Array of labels.
        seed: int.
        num_ways: int. See `episodes.split_classes`.

    Returns:
        dict, part to array of rows.

    Raises:
        ValueError: If there are too few classes.
    """
    try:
        return episodes.split_classes(y, seed=seed, num_ways=num_ways)._asdict()
    except ValueError as error:
        raise ValueError(
            "The data have too few classes to divide them into training, validation and test, so "
            f"that unseen classes remain. {error}"
        ) from error


def by_group(path, y, groups, seed):
    """Divides data by groups of classes, such as domains, so that no group is in two parts.

    Args:
        path: Path of the file, for messages.
        y: Array of labels.
        groups: Array with the name of a group for each example.
        seed: int.

    Returns:
        dict, part to array of rows.

    Raises:
        ValueError: If a class is in two groups, or there are too few groups.
    """
    group_of = {}
    for label, group in zip(y.tolist(), groups.tolist(), strict=True):
        if group_of.setdefault(label, group) != group:
            raise ValueError(
                f"A class must be in one group only. Received: {path} with class {label!r} in "
                f"{group_of[label]!r} and {group!r}. Rename one of the two classes."
            )
    try:
        return episodes.split_classes(groups, seed=seed)._asdict()
    except ValueError as error:
        raise ValueError(
            "Training, validation and test need at least one group each. Leave --group out to "
            f"divide the classes instead. Received: {path} with groups "
            f"{np.unique(groups).tolist()}."
        ) from error


def check_unchanged(config, values, what):
    """Raises if data differ from those of training; records them if the run is new.

    Other data would be split differently, and classes seen in training be taken for unseen ones.

    Args:
        config: dict, the options of the run.
        values: List of strings.
        what: str, what the values are.

    Raises:
        ValueError: If they differ.
    """
    found = hashlib.sha256("\n".join(values).encode()).hexdigest()[:16]
    expected = config.setdefault("labels_fingerprint", found)
    if expected != found:
        raise ValueError(
            f"The data are not those that the run was trained on: their {what} differ. Received: "
            f"{config['data']} with {len(values)} {what}. Restore the data, or start a new run "
            "with another --out."
        )
