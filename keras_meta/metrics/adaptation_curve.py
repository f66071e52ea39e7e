"""The adaptation curve: the performance of a learner after each inner step."""

import numpy as np
import tensorflow as tf

from keras_meta.metrics.task_interval import task_interval
from keras_meta.outer_loop.padding import QUERY_MASK


def accuracy(y_true, y_pred):
    """Returns for each query 1 if its largest output is that of the right class, else 0."""
    labels = y_true if len(y_true.shape) < len(y_pred.shape) else tf.argmax(y_true, -1)
    return tf.cast(tf.cast(labels, tf.int64) == tf.argmax(y_pred, -1), tf.float32)


def squared_error(y_true, y_pred):
    """Returns the squared error of each output."""
    return tf.square(tf.cast(y_true, y_pred.dtype) - y_pred)


_METRICS = {"accuracy": accuracy, "mse": squared_error}


def resolve_metric(metric):
    """Returns the function `(y_true, y_pred)` of a metric, which returns a value for each query."""
    if callable(metric):
        return metric
    if metric not in _METRICS:
        raise ValueError(
            f"`metric` must be one of {list(_METRICS)} or a callable. Received: {metric!r}."
        )
    return _METRICS[metric]


def mean_over_queries(values, inputs, axis):
    """Returns the mean over the queries of each task, without padding.

    Args:
        values: Tensor `[..., tasks, queries, ...]`, a metric of each query.
        inputs: The episode batch.
        axis: int. The axis of the queries.

    Returns:
        Tensor `[..., tasks]`.
    """
    values = tf.reduce_mean(values, list(range(axis + 1, values.shape.rank)))
    if QUERY_MASK not in inputs:
        return tf.reduce_mean(values, axis)
    mask = tf.cast(inputs[QUERY_MASK], tf.bool)
    number = tf.reduce_sum(tf.cast(mask, values.dtype), -1)
    return tf.reduce_sum(tf.where(mask, values, 0), axis) / number


def lower_is_better(metric):
    """Whether a metric, given by its name or as a function, is an error."""
    return metric in ("mse", squared_error)


def metric_name(metric):
    """Returns the name of a metric that is given by its name or as a callable."""
    return metric if isinstance(metric, str) else getattr(metric, "__name__", "metric")


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
        lines = [
            f"{self.metric} over {len(self.values)} tasks of {self.num_queries} queries, "
            f"batch_norm={self.batch_norm}, 95 % interval over tasks",
            *(
                f"  after {step:2d} steps  {mean:.4f} +- {half_width:.4f}"
                for step, (mean, half_width) in enumerate(
                    zip(self.mean, self.half_width, strict=True)
                )
            ),
        ]
        return "\n".join(lines)


def adaptation_curve(learner, episodes, metric="accuracy", steps=None):
    """Evaluates a learner after every inner step, on the same tasks.

    Args:
        learner: A compiled learner. The curve of a learner without inner steps is one point.
        episodes: Finite dataset of episodes.
        metric: `"accuracy"`, `"mse"`, or a callable `(y_true, y_pred)` that returns a value for
            each query, `[tasks, queries, ...]`.
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
    function = resolve_metric(metric)
    if episodes.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            "Evaluation needs a finite dataset. Make it with `as_dataset(batch_size, "
            "num_batches=...)`. Received: a dataset of infinite length."
        )

    predict = learner.traced(
        ("by_step", steps), lambda inputs: learner.predict_by_step(inputs, steps)
    )
    values = []
    for inputs, y, *_ in episodes:
        by_query = function(y[None], predict(inputs))
        values.append(mean_over_queries(by_query, inputs, axis=2).numpy())
    num_queries = int(tf.nest.flatten(episodes.element_spec[1])[0].shape[1] or 0)
    values = np.concatenate(values, axis=1).T
    return AdaptationCurve(values, metric_name(metric), learner.batch_norm, num_queries)
