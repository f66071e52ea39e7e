"""Refusing queries that have none of the classes of their task, by a score and a threshold."""

import numpy as np

_QUANTILES = 99


def area_under_curve(known, unknown):
    """Probability that a known query scores higher than an unknown one, in each task.

    It is the area under the curve of true against false acceptances. Equal scores count half.

    Args:
        known: Array `[tasks, n]`: scores of queries that have one of the classes of their task.
        unknown: Array `[tasks, m]`: scores of queries that have none of them.

    Returns:
        Array `[tasks]`.

    Example:

    ```python
    from keras_meta import metrics

    assert metrics.area_under_curve([[2.0, 3.0]], [[1.0, 2.5]]) == 0.75
    ```
    """
    difference = np.asarray(known)[:, :, None] - np.asarray(unknown)[:, None]
    return ((difference > 0) + 0.5 * (difference == 0)).mean((1, 2))


def accuracy_with_refusal(threshold, known, right, unknown):
    """Share of queries that are treated rightly, in each task.

    A known query is treated rightly if it is accepted, with a score above the threshold, and its
    prediction is right; an unknown one if it is refused. Both kinds have half of the weight.

    Args:
        threshold: float.
        known: See `area_under_curve`.
        right: Bool array `[tasks, n]`: whether the predictions of the known queries are right.
        unknown: See `area_under_curve`.

    Returns:
        Array `[tasks]`.

    Example:

    ```python
    from keras_meta import metrics

    values = metrics.accuracy_with_refusal(1.5, [[2.0, 3.0]], [[True, False]], [[1.0, 2.5]])
    assert values == 0.5
    ```
    """
    accepted = (np.asarray(known) > threshold) & np.asarray(right)
    return accepted.mean(1) / 2 + (np.asarray(unknown) <= threshold).mean(1) / 2


def refusal_threshold(known, right, unknown):
    """Threshold with the highest mean `accuracy_with_refusal`, among quantiles of the scores.

    Args:
        known: See `area_under_curve`.
        right: See `accuracy_with_refusal`.
        unknown: See `area_under_curve`.

    Returns:
        float.

    Example:

    ```python
    from keras_meta import metrics

    threshold = metrics.refusal_threshold([[2.0, 3.0]], [[True, True]], [[0.0, 1.0]])
    assert 1.0 < threshold < 2.0
    ```
    """
    scores = np.concatenate([np.ravel(known), np.ravel(unknown)])
    candidates = np.quantile(scores, np.linspace(0.01, 0.99, _QUANTILES))

    def mean_accuracy(threshold):
        return accuracy_with_refusal(threshold, known, right, unknown).mean()

    return float(max(candidates, key=mean_accuracy))
