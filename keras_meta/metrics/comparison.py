"""Two learners on the same tasks."""

import numpy as np

from keras_meta.metrics.adaptation_curve import (
    lower_is_better,
    mean_over_queries,
    metric_name,
    resolve_metric,
)
from keras_meta.metrics.task_interval import task_interval


class Comparison:
    """Values of a metric of two learners on the same tasks.

    Attributes:
        names: Tuple of two strs.
        values: Array `[2, tasks]`.
        metric: str, or the callable that gave the values.
    """

    def __init__(self, names, values, metric):
        self.names = names
        self.values = values
        self.metric = metric

    @property
    def better(self):
        """Name of the one that is better, or `None` if these tasks do not tell."""
        if not abs(self.difference) > self.half_width:
            return None
        return self.names[(self.difference < 0) != lower_is_better(self.metric)]

    @property
    def difference(self):
        """Mean over tasks of the first learner's value less the second's."""
        return float(task_interval(self.values[0] - self.values[1])[0])

    @property
    def half_width(self):
        """Half the width of the 95 % interval of the difference."""
        return float(task_interval(self.values[0] - self.values[1])[1])

    @property
    def verdict(self):
        """One line that says which is better, if the tasks tell."""
        first, second = self.names
        if self.better is None:
            return f"These tasks do not tell {first} from {second}."
        return f"{self.better} is better than {second if self.better == first else first}."

    def __str__(self):
        name, tasks = metric_name(self.metric), self.values.shape[1]
        lines = [f"{name} over {tasks} tasks, 95 % interval over tasks"]
        for name, values in zip(self.names, self.values, strict=True):
            mean, half_width = task_interval(values)
            lines.append(f"  {name:24s} {mean:.4f} +- {half_width:.4f}")
        lines.append(f"  {'difference, paired':24s} {self.difference:.4f} +- {self.half_width:.4f}")
        return "\n".join([*lines, self.verdict])


def task_values(learner, episodes, metric="accuracy"):
    """A metric of each task, once the learner has adapted to it.

    Args:
        learner: A compiled learner.
        episodes: Finite dataset of episodes.
        metric: See `adaptation_curve`.

    Returns:
        Array `[tasks]`.

    Example:

    ```python
    import keras_meta

    learner = keras_meta.learners.MAML(keras_meta.networks.SinusoidMLP())
    learner.compile("adam", "mse")
    waves = keras_meta.episodes.Sinusoid(num_shots=5).as_dataset(25, num_batches=2)
    assert keras_meta.metrics.task_values(learner, waves, "mse").shape == (50,)
    ```
    """
    function = resolve_metric(metric)

    def of_batch(inputs, y):
        return mean_over_queries(function(y, learner(inputs)), inputs, axis=1)

    of_batch = learner.traced(("task_values", metric), of_batch)
    return np.concatenate([of_batch(inputs, y).numpy() for inputs, y, *_ in episodes])


def compare(learner_a, learner_b, episodes, metric="accuracy", names=None):
    """Compares two learners on the same episodes.

    Tasks differ more than learners do; the interval of the difference, task by task, is narrower
    than those of the two means.

    Args:
        learner_a: A compiled learner.
        learner_b: Another. For an honest baseline, one that was not meta-trained.
        episodes: Finite dataset of episodes, the same each time it is read.
        metric: See `adaptation_curve`.
        names: Pair of strs. Defaults to the names of the learners.

    Returns:
        A `Comparison`, made to be printed.

    Example:

    ```python
    import keras_meta

    learners = [
        keras_meta.learners.MAML(keras_meta.networks.SinusoidMLP(), inner_steps=steps)
        for steps in (1, 5)
    ]
    for learner in learners:
        learner.compile("adam", "mse")
    waves = keras_meta.episodes.Sinusoid(num_shots=5).as_dataset(25, num_batches=2)
    print(keras_meta.metrics.compare(*learners, waves, metric="mse"))
    ```
    """
    names = names or (learner_a.name, learner_b.name)
    values = [task_values(x, episodes, metric) for x in (learner_a, learner_b)]
    return Comparison(tuple(names), np.stack(values), metric)
