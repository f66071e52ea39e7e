"""Splits of the classes of a data set into training, validation and test classes."""

import math
from typing import NamedTuple

import numpy as np

from keras_meta.episodes.arguments import check_integer


class ClassSplits(NamedTuple):
    """The rows of each part of a data set, sorted. No class is in two parts.

    Attributes:
        train: Integer array of rows.
        validation: Integer array of rows.
        test: Integer array of rows.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split_classes(y, train=0.64, validation=0.16, test=0.2, seed=0, num_ways=1):
    """Splits a data set by class, so that no class is in two parts.

    A meta-learner is evaluated on classes that it has not been trained on, so whole classes are
    assigned to the parts. The default fractions are those of miniImageNet: 64, 16 and 20 of 100
    classes.

    Args:
        y: One-dimensional array of labels.
        train: Float. Fraction of the classes for training.
        validation: Float. Fraction of the classes for validation; may be 0.
        test: Float. Fraction of the classes for testing; may be 0.
        seed: Integer. The split is a function of it.
        num_ways: Integer. Each part whose fraction is not 0 gets at least so many classes, if there
            are enough for all of them: if there are few, training gives some away.

    Returns:
        A `ClassSplits` of three arrays of rows: `train`, `validation` and `test`.

    Raises:
        ValueError: If the fractions are not in `[0, 1]` or do not sum to 1, or if there are too few
            classes for a part whose fraction is not 0.

    Example:

    ```python
    import numpy as np
    from keras_meta import episodes

    x, y = np.zeros([200, 28, 28, 1], "uint8"), np.repeat(np.arange(25), 8)
    splits = episodes.split_classes(y, seed=1)
    train = episodes.EpisodeSampler(x[splits.train], y[splits.train], 5, 1, 5)
    test = episodes.EpisodeSampler(x[splits.test], y[splits.test], 5, 1, 5)
    print(train.num_classes, test.num_classes)  # 16 5
    ```
    """
    fractions = {"train": train, "validation": validation, "test": test}
    received = ", ".join(f"{name}={fraction}" for name, fraction in fractions.items())
    in_range = all(0.0 <= fraction <= 1.0 for fraction in fractions.values())
    if not in_range or not math.isclose(sum(fractions.values()), 1.0, abs_tol=1e-6):
        raise ValueError(
            f"`train`, `validation` and `test` must be in [0, 1] and sum to 1. "
            f"Received: {received}."
        )
    seed = check_integer("seed", seed, minimum=0)
    classes, class_of_row = np.unique(np.asarray(y), return_inverse=True)
    # Rounding the bounds instead of the sizes ensures that every class is in a part.
    bounds = np.rint(np.cumsum(list(fractions.values())) * len(classes)).astype(int)
    sizes = _filled_up(np.diff(bounds, prepend=0), list(fractions.values()), num_ways)
    parts = np.split(np.random.default_rng(seed).permutation(len(classes)), np.cumsum(sizes)[:-1])
    for (name, fraction), part in zip(fractions.items(), parts, strict=True):
        if fraction > 0.0 and not len(part):
            raise ValueError(
                f"There are too few classes for a {name} part. Received: {len(classes)} classes, "
                f"{received}. Set `{name}=0` to leave it out, or add classes."
            )
    return ClassSplits(*(np.flatnonzero(np.isin(class_of_row, part)) for part in parts))


def _filled_up(sizes, fractions, num_ways):
    """Returns sizes of at least `num_ways`, at the cost of the first part; else `sizes`."""
    filled = np.where(np.array(fractions) > 0, np.maximum(sizes, num_ways), 0)
    filled[0] = sizes.sum() - filled[1:].sum()
    return filled if filled[0] >= num_ways else sizes
