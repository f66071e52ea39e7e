"""How the variables of a causal model appear as columns of a table."""

import numpy as np

from keras_meta.episodes.table_prior.functions import standardize


def warp(random, x):
    """Changes the marginal distribution of one column by a random monotone function."""
    kind = random.integers(6)
    if kind == 0:
        return np.exp(random.uniform(0.3, 1.5) * x)
    if kind == 1:
        return np.sign(x) * np.abs(x) ** random.uniform(0.3, 3.0)
    if kind == 2:  # uniform
        return np.argsort(np.argsort(x)) / len(x)
    if kind == 3:
        return np.tanh(random.uniform(0.5, 3.0) * (x + random.normal(0.0, 0.5)))
    if kind == 4:  # many zeros
        return np.maximum(x - random.normal(0.0, 0.7), 0.0)
    return -np.exp(random.uniform(0.3, 1.2) * x)


def levels(random, x, count):
    """Returns the number of the level of each value, from 0 to at most `count - 1`."""
    if random.random() < 0.5:
        borders = np.quantile(x, np.sort(random.random(count - 1)))
    else:
        borders = random.uniform(x.min(), x.max(), count - 1)
        borders.sort()
    return np.searchsorted(borders, x)


def observe(random, variables):
    """Returns a table: variables warped, rounded, made categories, detached from the rest, missing.

    Args:
        random: A `numpy.random.Generator`.
        variables: Array `[rows, columns]`.

    Returns:
        Pair of the table, float32 `[rows, columns]` with NaN where a value is missing, and bools
        `[columns]`, which columns are categories.
    """
    x = standardize(variables)
    rows, columns = x.shape
    draw = random.random((4, columns))
    # Most tables have columns of mostly one kind.
    irrelevant = draw[0] < random.choice([0.0, random.uniform(0.0, 0.6)], p=[0.6, 0.4])
    warped = draw[1] < random.choice([0.0, random.random()], p=[0.3, 0.7])
    whole = draw[2] < random.choice([0.0, random.random()], p=[0.4, 0.6])
    unordered = whole & (draw[3] < random.choice([0.0, random.random(), 1.0], p=[0.4, 0.4, 0.2]))
    binary = random.random() < 0.3
    for j in range(columns):
        if irrelevant[j]:
            x[:, j] = random.permutation(x[:, j])
        if warped[j]:
            x[:, j] = warp(random, x[:, j])
        if whole[j]:
            few = 2 if binary else int(np.exp(random.uniform(np.log(2), np.log(12))))
            x[:, j] = levels(random, x[:, j], max(few, 2))
        if unordered[j]:
            x[:, j] = random.permutation(int(x[:, j].max()) + 1)[x[:, j].astype(int)]
    if random.random() < 0.15:
        _remove(random, x)
    return x.astype("float32"), unordered


def _remove(random, x):
    """Removes values of some columns, at random or those above a random quantile."""
    rows, columns = x.shape
    share = random.uniform(0.0, 0.4) * (random.random(columns) < random.uniform(0.1, 1.0))
    gone = random.random((rows, columns)) < share
    if random.random() < 0.3:
        border = np.quantile(x, 1.0 - share.mean(), axis=0)
        gone |= (x > border) & (share > 0)
    x[gone] = np.nan
