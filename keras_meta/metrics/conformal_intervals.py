"""Prediction intervals that cover the share of values that they promise."""

import numpy as np

from keras_meta.metrics.predicted_values import predicted_values, task_distribution, with_prior

# The numbers of examples that the prior noise variance may count for.
_PRIOR_ROWS = (1.0, 3.0, 10.0, 100.0)


class ConformalIntervals:
    """Intervals around predictions, as wide as their errors on other groups were.

    With the predictions `f` and standard deviations `s` of the queries `i` of `G` groups `g`,

        r_gi = |y_gi - f_gi| / s_gi
        c = the coverage-quantile of   sum over g, i of  delta(r_gi) / (n_g (G + 1))  +
                                       delta(infinity) / (G + 1)
        interval = f +- c s

    If groups are exchangeable, an interval for a query of a new group covers its value with at
    least this probability, whatever the errors of the learner are. For one group, or one kind of
    query, coverage may be another.

    Args:
        coverage: float, the promised share.
        factor: float, `c`.

    Raises:
        ValueError: If `coverage` is not between 0 and 1.

    Example:

    ```python
    import numpy as np
    from keras_meta import metrics

    random = np.random.default_rng(0)
    y, mask = random.normal(size=(400, 5)), np.ones((400, 5), bool)
    found = metrics.PredictedValues(np.zeros_like(y), np.ones_like(y), y, mask)
    intervals = metrics.ConformalIntervals.of_values(found, coverage=0.9)
    assert 1.5 < intervals.factor < 1.8  # 1.645 for a normal distribution
    ```

    Reference:
        [Dunn et al., 2023](https://arxiv.org/abs/1809.07441);
        [Lee et al., 2023](https://arxiv.org/abs/2306.06342)
    """

    def __init__(self, coverage, factor):
        if not 0 < coverage < 1:
            raise ValueError(
                f"`coverage` must be between 0 and 1. Received: coverage={coverage!r}."
            )
        self.coverage = float(coverage)
        self.factor = float(factor)

    @classmethod
    def of_values(cls, values, coverage=0.9):
        """Returns the intervals that the errors on a set of groups determine.

        Args:
            values: `PredictedValues` of groups that the learner was not trained on.
            coverage: float.

        Raises:
            ValueError: If there are too few groups for this coverage.
        """
        groups = len(values.y)
        if coverage > groups / (groups + 1):
            raise ValueError(
                f"Intervals that cover {coverage:g} need at least "
                f"{int(np.ceil(coverage / (1 - coverage) - 1e-9))} groups to calibrate them. "
                f"Received: {groups}."
            )
        score = np.abs(values.y - values.mean) / values.deviation
        weight = values.mask / values.mask.sum(1, keepdims=True) / (groups + 1)
        score, weight = score[values.mask], weight[values.mask]
        order = np.argsort(score)
        reached = np.searchsorted(np.cumsum(weight[order]), coverage - 1e-12)
        return cls(coverage, score[order][reached])

    def bounds(self, mean, deviation):
        """Returns the lower and the upper ends of intervals, as arrays or tensors.

        Args:
            mean: Array or tensor of predictions.
            deviation: Array or tensor of their standard deviations.
        """
        return mean - self.factor * deviation, mean + self.factor * deviation

    def predict_task(self, learner, support_x, support_y, query_x):
        """Predicts one task, in a graph.

        Args:
            learner: A learner of one value.
            support_x: Features `[support, ...]`.
            support_y: Values `[support, 1]`.
            query_x: Features `[query, ...]`.

        Returns:
            Tuple of tensors `[query, 1]`: predictions, and the lower and upper ends of intervals.
        """
        mean, deviation = task_distribution(learner, support_x, support_y, query_x)
        return mean, *self.bounds(mean, deviation)

    def task_coverage(self, values):
        """Returns the share of the queries of each task that intervals cover, `[tasks]`.

        Args:
            values: `PredictedValues`.
        """
        lower, upper = self.bounds(values.mean, values.deviation)
        return _task_means((lower <= values.y) & (values.y <= upper), values.mask)

    def task_widths(self, values):
        """Returns the mean width of the intervals of each task, `[tasks]`."""
        return _task_means(2 * self.factor * values.deviation, values.mask)

    def get_config(self):
        return {"coverage": self.coverage, "factor": self.factor}


def calibrate(learner, episodes, coverage=0.9):
    """Calibrates prediction intervals on validation tasks.

    If the learner estimates a predictive variance, the number of examples that its prior noise
    variance counts for is set to that with the narrowest intervals.

    Args:
        learner: A trained learner of one value.
        episodes: Finite dataset of episodes, of groups that it was not trained on.
        coverage: float. The share of values that intervals cover.

    Returns:
        A `ConformalIntervals`.

    Example:

    ```python
    import keras_meta

    body = keras_meta.networks.SinusoidMLP(num_outputs=None)
    learner = keras_meta.learners.RidgeLearner(body, num_values=1)
    waves = keras_meta.episodes.Sinusoid(num_shots=5).as_dataset(25, num_batches=2)
    intervals = keras_meta.metrics.calibrate(learner, waves, coverage=0.8)
    ```
    """
    if not hasattr(learner, "prior_noise"):
        return ConformalIntervals.of_values(predicted_values(learner, episodes), coverage)
    # With a prior that outweighs every support set, deviations are those of its noise variance.
    values = with_prior(learner, episodes, (1.0, 1e9))
    squares = np.square((values.y - values.mean) / values.deviation)
    noise = max(float(_task_means(squares, values.mask).mean()), 1e-12)
    candidates = {}
    for rows in _PRIOR_ROWS:
        values = with_prior(learner, episodes, (noise, rows))
        intervals = ConformalIntervals.of_values(values, coverage)
        candidates[rows] = intervals.task_widths(values).mean(), intervals
    learner.prior_noise = noise
    learner.prior_rows = min(candidates, key=lambda rows: candidates[rows][0])
    return candidates[learner.prior_rows][1]


def _task_means(values, mask):
    return np.where(mask, values, 0.0).sum(1) / mask.sum(1)
