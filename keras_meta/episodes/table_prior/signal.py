"""Whether a table says anything about its target, by a quick regression."""

import numpy as np

from keras_meta.episodes.table_prior.functions import standardize

_ROWS = 200
_FEATURES = 40
_PENALTY = 3.0


def signal(random, x, targets):
    """Estimates how much of targets columns explain, for rows that were not fitted.

    It is the R2 of ridge regression on columns and on random features `tanh(W x + b)`, each row
    predicted from the others: with `H` the hat matrix, the error of row `i` is
    `(y - H y)_i / (1 - H_ii)`.

    Args:
        random: A `numpy.random.Generator`.
        x: Array `[rows, columns]`, NaN where a value is missing.
        targets: Array `[rows, targets]`.

    Returns:
        float, at most 1; negative where columns say nothing.
    """
    # Ranks, because marginal distributions may have any shape.
    x = np.argsort(np.argsort(np.nan_to_num(x[:_ROWS]), 0), 0).astype(float)
    x, y = standardize(x), targets[:_ROWS] - targets[:_ROWS].mean(0)
    columns = x.shape[1]
    # Few columns matter as a rule: features of three columns each.
    weights = np.zeros((columns, _FEATURES))
    chosen = random.integers(columns, size=(3, _FEATURES))
    weights[chosen, np.arange(_FEATURES)] = random.standard_normal((3, _FEATURES))
    hidden = np.tanh(1.5 * x @ weights + random.standard_normal(_FEATURES))
    features = standardize(np.concatenate([x, hidden], 1))
    gram = features.T @ features + _PENALTY * np.eye(features.shape[1])
    solved = np.linalg.solve(gram, features.T)
    leverage = np.einsum("nf,fn->n", features, solved)
    errors = (y - features @ (solved @ y)) / np.maximum(1.0 - leverage, 0.05)[:, None]
    return 1.0 - np.square(errors).sum() / max(np.square(y).sum(), 1e-9)
