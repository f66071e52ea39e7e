"""Whether meta-learning was worth it."""

import numpy as np

from keras_meta.baselines.baseline_method import choose
from keras_meta.metrics.adaptation_curve import lower_is_better, metric_name
from keras_meta.metrics.comparison import Comparison, task_values
from keras_meta.metrics.task_interval import task_interval


class BaselineComparison:
    """What a learner and its baselines reach on the same tasks.

    Attributes:
        name: str. Name of the learner.
        values: Array `[tasks]`, the learner's.
        baselines: dict, name to array `[tasks]`.
        settings: dict, name to the setting that did best on validation tasks.
        metric: str, or the callable that gave the values.
    """

    def __init__(self, name, values, baselines, settings, metric):
        self.name = name
        self.values = values
        self.baselines = baselines
        self.settings = settings
        self.metric = metric

    @property
    def comparisons(self):
        """dict, name of a baseline to the paired `Comparison` of the learner with it."""
        return {
            name: Comparison((self.name, name), np.stack([self.values, values]), self.metric)
            for name, values in self.baselines.items()
        }

    @property
    def best_baseline(self):
        """Name of the baseline with the best mean."""
        sign = -1.0 if lower_is_better(self.metric) else 1.0
        return max(self.baselines, key=lambda name: sign * self.baselines[name].mean())

    @property
    def verdict(self):
        """One line that says whether meta-learning was worth it."""
        rival = self.best_baseline
        by = abs(self.comparisons[rival].difference)
        half_width = self.comparisons[rival].half_width
        amount = f"{by:.4f} +- {half_width:.4f}"
        better = {comparison.better for comparison in self.comparisons.values()}
        if better == {self.name}:
            return (
                f"Meta-learning was worth it: {self.name} is better than every baseline, than the "
                f"best of them, {rival}, by {amount}."
            )
        if better <= {self.name, None}:
            return (
                f"These tasks do not tell whether meta-learning was worth it: {self.name} and "
                f"{rival} differ by {amount}."
            )
        return f"Meta-learning was not worth it: {rival} is better than {self.name} by {amount}."

    def __str__(self):
        width = max(map(len, (self.name, *self.baselines)))
        lines = [
            f"{metric_name(self.metric)} over {len(self.values)} tasks, 95 % intervals over tasks; "
            f"{self.name} less the baseline, task by task; settings chosen on validation tasks",
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
    """Compares a learner with learning that was not meta-learned, on the same tasks.

    Args:
        learner: A compiled and trained learner. Baselines descend the loss it is compiled with.
        episodes: Finite dataset of test episodes, the same each time it is read.
        validation: Finite dataset of other episodes, on which the settings of the baselines are
            chosen.
        baselines: dict, name to a `BaselineMethod` or a list of several to choose from.
        metric: `"accuracy"`, `"mse"` or a callable `(y_true, y_pred)` that gives a value for each
            query, the higher the better.

    Returns:
        A `BaselineComparison`, made to be printed: a table with paired differences, and a verdict.

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
