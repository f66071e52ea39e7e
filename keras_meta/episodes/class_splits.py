"""Division of the classes of a data set among training, validation and test."""

import math
from typing import NamedTuple

import numpy as np

from keras_meta.episodes.arguments import check_integer


class ClassSplits(NamedTuple):
    """The rows of each part of a data set, sorted; no class is in two parts.

    Attributes:
        train: Integer array of rows.
        validation: Integer array of rows.
        test: Integer array of rows.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split_classes(y, train=0.64, validation=0.16, test=0.2, seed=0):
    """Divides the examples of a data set so that no class is in two parts.

    A meta-learner is judged on classes that it has never seen, so whole classes are divided, not
    the examples within them. The default fractions are the customary 64, 16 and 20 of 100.

    Args:
        y: One-dimensional array of labels.
        train: Float. Fraction of the classes to train on.
        validation: Float. Fraction of the classes to validate on; may be 0.
        test: Float. Fraction of the classes to test on; may be 0.
        seed: Integer. Which classes go where is a function of it.

    Returns:
        A `ClassSplits` of three arrays of rows: `train`, `validation` and `test`.

    Raises:
        ValueError: If the fractions are not in `[0, 1]` with the sum 1, or there are too few
            classes for a part that should not be empty.

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
            f"`train`, `validation` and `test` must lie in [0, 1] and add up to 1. "
            f"Received: {received}."
        )
    seed = check_integer("seed", seed, minimum=0)
    classes, class_of_row = np.unique(np.asarray(y), return_inverse=True)
    # Rounding the bounds instead of the parts makes the parts add up.
    bounds = np.rint(np.cumsum(list(fractions.values())) * len(classes)).astype(int)
    parts = np.split(np.random.default_rng(seed).permutation(len(classes)), bounds[:-1])
    for (name, fraction), part in zip(fractions.items(), parts, strict=True):
        if fraction > 0.0 and not len(part):
            raise ValueError(
                f"There are too few classes for a {name} part. Received: {len(classes)} classes, "
                f"{received}. Set `{name}=0` to go without it, or add classes."
            )
    return ClassSplits(*(np.flatnonzero(np.isin(class_of_row, part)) for part in parts))
