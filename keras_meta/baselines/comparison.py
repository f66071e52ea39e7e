"""Comparison of a learner with baselines on the same tasks."""

import numpy as np

from keras_meta.baselines.baseline_method import choose
from keras_meta.metrics.comparison import Comparison, task_values
from keras_meta.metrics.task_interval import task_interval
from keras_meta.metrics.task_metrics import lower_is_better, metric_name


class BaselineComparison:
    """Values of a metric of a learner and of its baselines on the same tasks.

    Attributes:
        name: str. Name of the learner.
        values: Array `[tasks]`, the values of the learner.
        baselines: dict, name of a baseline to array `[tasks]`.
        settings: dict, name of a baseline to the setting that was best on validation tasks.
        metric: str, or the callable that computed the values.
    """

    def __init__(self, name, values, baselines, settings, metric):
        self.name = name
        self.values = values
        self.baselines = baselines
        self.settings = settings
        self.metric = metric

    @property
    def comparisons(self):
        """dict, name of a baseline to the paired `Comparison` of the learner with that baseline."""
        return {
            name: Comparison((self.name, name), np.stack([self.values, values]), self.metric)
            for name, values in self.baselines.items()
        }

    @property
    def best_baseline(self):
        """Name of the baseline with the best mean."""
        return self._best(self.baselines)

    @property
    def verdict(self):
        """One line that compares the learner with its strongest competitor.

        That is the best baseline among those that beat the learner; if none does, among those that
        these tasks cannot tell from it; if there is none, among all.
        """
        comparisons = self.comparisons
        beating = [name for name, paired in comparisons.items() if paired.better == name]
        undecided = [name for name, paired in comparisons.items() if paired.better is None]
        rival = self._best(beating or undecided or self.baselines)
        paired = comparisons[rival]
        amount = f"{abs(paired.difference):.4f} +- {paired.half_width:.4f}"
        if beating:
            return f"{rival} beats {self.name} by {amount}."
        if undecided:
            return f"These tasks cannot tell {self.name} from {rival}: they differ by {amount}."
        return f"{self.name} beats every baseline; the best, {rival}, by {amount}."

    def _best(self, names):
        sign = -1.0 if lower_is_better(self.metric) else 1.0
        return max(names, key=lambda name: sign * self.baselines[name].mean())

    def __str__(self):
        width = max(map(len, (self.name, *self.baselines)))
        lines = [
            f"{metric_name(self.metric)} over {len(self.values)} tasks, 95 % intervals over tasks; "
            f"{self.name} minus the baseline, task by task; settings chosen on validation tasks",
            f"  {self.name:{width}s}  {_interval(self.values)}",
        ]
        for name, values in self.baselines.items():
            lines.append(
                f"  {name:{width}s}  {_interval(values)}   {_interval(self.values - values)}   "
                f"{self.settings[name]}"
            )
        return "\n".join([*lines, self.verdict])


def _interval(values):
    mean, half_width = task_interval(values)
    return f"{mean:.4f} +- {half_width:.4f}"


def compare(learner, episodes, validation, baselines, metric="accuracy"):
    """Compares a learner with baselines on the same tasks.

    Differences are paired, task by task: their intervals are narrower than those of the means.

    Args:
        learner: A compiled and trained learner. Baselines that take gradient steps minimise the
            loss it is compiled with.
        episodes: Finite dataset of test episodes, which must be the same on every pass.
        validation: Finite dataset of other episodes, on which the settings of the baselines are
            chosen.
        baselines: dict, name to a `BaselineMethod`, or to a list of them to choose from.
        metric: `"accuracy"`, `"mse"` or a callable `(y_true, y_pred)` that returns a value for each
            query, the higher the better.

    Returns:
        A `BaselineComparison`. Printed, it is a table with paired differences and a verdict.

    Example:

    ```python
    import keras_meta
    from keras_meta import baselines

    learner = keras_meta.learners.MAML(keras_meta.networks.SinusoidMLP(), 0.01)
    learner.compile("adam", "mse")
    waves = [keras_meta.episodes.Sinusoid(5, seed=s).as_dataset(25, num_batches=2) for s in (0, 1)]
    scratch = [
        baselines.FineTuning(keras_meta.networks.SinusoidMLP(), rate, steps=(1, 10))
        for rate in (0.01, 0.1)
    ]
    print(baselines.compare(learner, *waves, {"from scratch": scratch}, metric="mse"))
    ```
    """
    values, settings = {}, {}
    for name, candidates in baselines.items():
        chosen, position = choose(candidates, validation, metric, learner.loss)
        values[name] = chosen.task_values(episodes, metric, learner.loss)[:, position]
        settings[name] = chosen.settings[position]
    return BaselineComparison(
        learner.name, task_values(learner, episodes, metric), values, settings, metric
    )
