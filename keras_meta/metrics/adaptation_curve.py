"""The adaptation curve: the performance of a learner after each inner step."""

import numpy as np
import tensorflow as tf
from keras.utils import unpack_x_y_sample_weight

from keras_meta.metrics.task_interval import task_interval
from keras_meta.metrics.task_metrics import resolve_metric


class AdaptationCurve:
    """Values of a metric for each task after 0, 1, ..., K inner steps.

    Attributes:
        values: Array `[tasks, steps + 1]`.
        metric: str. Name of the metric.
        batch_norm: str. The learner's policy for the statistics of batch normalisation. Report it
            with the results: transductive accuracies are not comparable to others.
        num_queries: int. Queries in a task, which are predicted together; if tasks are padded, the
            largest number.
    """

    def __init__(self, values, metric, batch_norm, num_queries):
        self.values = values
        self.metric = metric
        self.batch_norm = batch_norm
        self.num_queries = num_queries

    @property
    def mean(self):
        """Array `[steps + 1]`: the mean over tasks."""
        return task_interval(self.values)[0]

    @property
    def half_width(self):
        """Array `[steps + 1]`: half the width of the 95 % interval over tasks."""
        return task_interval(self.values)[1]

    def __str__(self):
        intervals = [
            f"{mean:.4f} +- {half_width:.4f}"
            for mean, half_width in zip(self.mean, self.half_width, strict=True)
        ]
        if len(intervals) > 1:
            intervals = [f"after {step:2d} steps  {x}" for step, x in enumerate(intervals)]
        head = (
            f"{self.metric} over {len(self.values)} tasks of {self.num_queries} queries, "
            f"batch_norm={self.batch_norm}, 95 % interval over tasks"
        )
        return "\n  ".join([head, *intervals])


def adaptation_curve(learner, episodes, metric="accuracy", steps=None):
    """Evaluates a learner after every inner step, on the same tasks.

    Args:
        learner: A compiled learner. The curve of a learner without inner steps is one point.
        episodes: Finite dataset of episodes.
        metric: `"accuracy"`, `"mse"`, `"perplexity"`, `"bits_per_character"` of labels that are
            characters (for bytes pass `metrics.BitsPerCharacter(utf_8=True)`), a
            `metrics.Perplexity`, or a callable `(y_true, y_pred)` that returns a value for each
            query, `[tasks, queries, ...]`. Means over queries are weighted by the sample weights of
            the episodes.
        steps: int. Number of steps. Defaults to the learner's number at evaluation.

    Returns:
        An `AdaptationCurve`.

    Raises:
        ValueError: If `metric` is unknown or the dataset is infinite.

    Example:

    ```python
    import keras_meta

    learner = keras_meta.learners.MAML(keras_meta.networks.SinusoidMLP(), inner_learning_rate=0.01)
    learner.compile("adam", "mse")
    waves = keras_meta.episodes.Sinusoid(num_shots=5).as_dataset(25, num_batches=2)
    print(keras_meta.metrics.adaptation_curve(learner, waves, metric="mse", steps=3))
    ```
    """
    resolved = resolve_metric(metric)
    if episodes.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            "Evaluation needs a finite dataset. Make it with `as_dataset(batch_size, "
            "num_batches=...)`. Received: a dataset of infinite length."
        )

    def of_batch(inputs, y, sample_weight):
        by_step = learner.predict_by_step(inputs, steps)
        return resolved.of_tasks(y[None], by_step, inputs, 2, sample_weight)

    of_batch = learner.traced(("by_step", metric, steps), of_batch)
    values = [of_batch(*unpack_x_y_sample_weight(batch)).numpy() for batch in episodes]
    num_queries = int(tf.nest.flatten(episodes.element_spec[1])[0].shape[1] or 0)
    values = np.concatenate(values, axis=1).T
    return AdaptationCurve(values, resolved.name, learner.batch_norm, num_queries)
