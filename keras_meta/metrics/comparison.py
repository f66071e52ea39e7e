"""Paired comparison of two learners on the same tasks."""

import numpy as np
from keras.utils import unpack_x_y_sample_weight

from keras_meta.metrics.task_interval import task_interval
from keras_meta.metrics.task_metrics import lower_is_better, metric_name, resolve_metric


class Comparison:
    """Values of a metric of two learners on the same tasks.

    Attributes:
        names: Tuple of two strs.
        values: Array `[2, tasks]`.
        metric: str, or the callable that computed the values.
    """

    def __init__(self, names, values, metric):
        self.names = names
        self.values = values
        self.metric = metric

    @property
    def better(self):
        """Name of the better learner, or `None` if the interval of the difference contains 0."""
        if not abs(self.difference) > self.half_width:
            return None
        return self.names[(self.difference < 0) != lower_is_better(self.metric)]

    @property
    def difference(self):
        """Mean over tasks of the first learner's value minus the second's."""
        return float(task_interval(self.values[0] - self.values[1])[0])

    @property
    def half_width(self):
        """Half the width of the 95 % interval of the difference."""
        return float(task_interval(self.values[0] - self.values[1])[1])

    @property
    def verdict(self):
        """One line that says which learner is better, if these tasks show a difference."""
        first, second = self.names
        if self.better is None:
            return f"These tasks cannot tell {first} from {second}."
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
    """Returns the mean of a metric over the queries of each task, after adaptation to that task.

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
    resolved = resolve_metric(metric)

    def of_batch(inputs, y, sample_weight):
        return resolved.of_tasks(y, learner(inputs), inputs, 1, sample_weight)

    of_batch = learner.traced(("task_values", metric), of_batch)
    values = [of_batch(*unpack_x_y_sample_weight(batch)).numpy() for batch in episodes]
    return np.concatenate(values)


def compare(learner_a, learner_b, episodes, metric="accuracy", names=None):
    """Compares two learners on the same episodes.

    The difference is taken task by task. Because tasks differ more than learners do, its interval
    is narrower than those of the two means.

    Args:
        learner_a: A compiled learner.
        learner_b: Another compiled learner, such as the same one without meta-training.
        episodes: Finite dataset of episodes, which must be the same on every pass.
        metric: See `adaptation_curve`.
        names: Pair of strs. Defaults to the names of the learners.

    Returns:
        A `Comparison`. Printed, it is a table of both means and their difference.

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
