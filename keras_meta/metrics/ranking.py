"""How well scores rank items for each user: discounted gain and recall."""

import numpy as np


def ndcg(y_true, y_pred, top=5, mask=None):
    """Returns the normalised discounted cumulative gain of each task.

    With the items of a task in the order of their scores, `y_1, y_2, ...` their ratings, and
    `y*_1, y*_2, ...` the ratings in the best order,

        DCG(y) = sum over i <= top of  (2^y_i - 1) / log2(i + 1),     nDCG = DCG(y) / DCG(y*)

    Items of equal score share the mean of their gains, so that the order in which they are stored
    does not count.

    Args:
        y_true: Array `[tasks, items]` of ratings, not below 0.
        y_pred: Array `[tasks, items]` of scores, the larger the better.
        top: int. The length of the list that is shown.
        mask: bool array `[tasks, items]`, false where a task has no item; or `None`.

    Returns:
        Array `[tasks]`; 1 where all items have a gain of 0.

    Example:

    ```python
    from keras_meta import metrics

    assert metrics.ndcg([[5, 1, 3]], [[0.9, 0.1, 0.5]]) == 1.0
    ```

    Reference:
        [Järvelin, Kekäläinen, 2002](https://doi.org/10.1145/582415.582418);
        [McSherry, Najork, 2008](https://doi.org/10.1007/978-3-540-78646-7_38) (ties)
    """
    y_true, y_pred, mask = _checked(y_true, y_pred, top, mask)
    return np.array(
        [
            _ndcg(y[row], scores[row], top)
            for y, scores, row in zip(y_true, y_pred, mask, strict=True)
        ]
    )


def recall(relevant, y_pred, top=20, mask=None):
    """Returns the share of the relevant items of each task that are among the best scores.

        recall = (relevant items among the `top` best scores) / min(top, relevant items)

    Args:
        relevant: bool array `[tasks, items]`.
        y_pred: Array `[tasks, items]` of scores, the larger the better. Among equal scores, the
            first items come first.
        top: int. The length of the list that is shown.
        mask: bool array `[tasks, items]`, false for items that are not candidates, such as those
            that the user knows already; or `None`.

    Returns:
        Array `[tasks]`; NaN where no candidate is relevant.

    Example:

    ```python
    from keras_meta import metrics

    assert metrics.recall([[True, False, True]], [[0.9, 0.5, 0.1]], top=2) == 0.5
    ```

    Reference:
        [Liang et al., 2018](https://arxiv.org/abs/1802.05814)
    """
    relevant, y_pred, mask = _checked(relevant, y_pred, top, mask)
    relevant = (relevant > 0) & mask
    best = np.argsort(np.where(mask, -y_pred, np.inf), 1, kind="stable")[:, :top]
    found = np.take_along_axis(relevant, best, 1).sum(1)
    possible = np.minimum(relevant.sum(1), top)
    return np.divide(found, possible, out=np.full(len(found), np.nan), where=possible > 0)


def _ndcg(y, scores, top):
    gains = np.exp2(y) - 1
    _, place, count = np.unique(-scores, return_inverse=True, return_counts=True)
    shared = (np.bincount(place, gains) / count)[place]
    discounts = 1 / np.log2(2 + np.arange(min(top, len(y))))
    best = discounts @ np.sort(gains)[::-1][:top]
    return discounts @ shared[np.argsort(place)][:top] / best if best > 0 else 1.0


def _checked(y_true, y_pred, top, mask):
    y_true, y_pred = np.asarray(y_true, "float64"), np.asarray(y_pred, "float64")
    mask = np.ones(y_true.shape, bool) if mask is None else np.asarray(mask, bool)
    if y_true.ndim != 2 or not y_true.shape == y_pred.shape == mask.shape:
        raise ValueError(
            "Ratings, scores and the mask must have the same shape [tasks, items]. Received: "
            f"{y_true.shape}, {y_pred.shape} and {mask.shape}."
        )
    if top < 1:
        raise ValueError(f"`top` must be at least 1. Received: top={top}.")
    return y_true, y_pred, mask
