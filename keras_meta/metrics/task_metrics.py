"""Metrics of a task: means over its queries, which may be sequences."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from keras_meta.exact import private
from keras_meta.metrics.likelihood import BitsPerCharacter, LikelihoodMetric, Perplexity
from keras_meta.metrics.query_weights import with_axes
from keras_meta.outer_loop.padding import QUERY_MASK


def accuracy(y_true, y_pred):
    """Returns for each query 1 if its largest output is that of the right class, else 0."""
    labels = y_true if len(y_true.shape) < len(y_pred.shape) else tf.argmax(y_true, -1)
    return tf.cast(tf.cast(labels, tf.int64) == tf.argmax(y_pred, -1), tf.float32)


def squared_error(y_true, y_pred):
    """Returns the squared error of each output."""
    return tf.square(tf.cast(y_true, y_pred.dtype) - y_pred)


def one_each(y_true, y_pred):
    """Returns 1: every value of a task counts alike in the mean."""
    del y_true, y_pred
    return tf.constant(1.0)


def mean_itself(mean):
    """Returns the mean."""
    return mean


class TaskMetric(NamedTuple):
    """A metric of a task:

        of_mean(sum of  weight * value  /  sum of  weight * unit),    over queries, and over time

    Attributes:
        name: str.
        values: Callable `(y_true, y_pred)` that returns a value for each query,
            `[..., tasks, queries, ...]`.
        units: Callable `(y_true, y_pred)` that returns what each value counts for in the
            denominator.
        of_mean: Callable that is applied to the mean.
        lower_is_better: bool. Whether it is an error.
    """

    name: str
    values: Callable
    units: Callable = one_each
    of_mean: Callable = mean_itself
    lower_is_better: bool = False

    def of_tasks(self, y_true, y_pred, inputs, axis, sample_weight=None):
        """Returns the metric of each task, a tensor `[..., tasks]`.

        Args:
            y_true: Labels `[..., tasks, queries, ...]`.
            y_pred: Predictions `[..., tasks, queries, ...]`. What a Keras mask hides is left out.
            inputs: The episode batch.
            axis: int. The axis of the queries.
            sample_weight: Tensor `[tasks]`, `[tasks, queries]`, or `[tasks, queries, time]`; or
                `None`.
        """
        values, mask = self.values(y_true, y_pred), private.keras_mask(y_pred)
        if values.shape.rank is None:  # A vocabulary of Keras loses it: there is one a label.
            values = tf.ensure_shape(values, [None] * y_true.shape.rank)
        weights = tf.ones_like(values)
        for factor in (sample_weight, inputs.get(QUERY_MASK)):
            if factor is not None:
                # Axes before that of the tasks are not among the axes of these weights.
                weights *= with_axes(tf.cast(factor, values.dtype), values.shape.rank - axis + 1)
        if mask is not None:
            weights *= with_axes(tf.cast(mask, values.dtype), values.shape.rank)
        units = tf.cast(self.units(y_true, y_pred), values.dtype)
        over = list(range(axis, values.shape.rank))
        # What counts for nothing may be anything, even NaN.
        total = tf.reduce_sum(tf.math.multiply_no_nan(values, weights), over)
        return self.of_mean(total / tf.reduce_sum(weights * units, over))


_METRICS = {
    "accuracy": TaskMetric("accuracy", accuracy),
    "mse": TaskMetric("mse", squared_error, lower_is_better=True),
}
_LIKELIHOODS = {"perplexity": Perplexity, "bits_per_character": BitsPerCharacter}


def resolve_metric(metric):
    """Returns a metric as a `TaskMetric`.

    Args:
        metric: `"accuracy"`, `"mse"`, `"perplexity"`, `"bits_per_character"`, a
            `LikelihoodMetric`, or a callable `(y_true, y_pred)` that returns a value for each
            query, the higher the better.

    Raises:
        ValueError: If it is none of these.
    """
    if isinstance(metric, str) and metric in _LIKELIHOODS:
        metric = _LIKELIHOODS[metric]()
    if isinstance(metric, LikelihoodMetric):
        return TaskMetric(metric.name, metric.values, metric.units, metric.of_mean, True)
    if metric is squared_error:
        return _METRICS["mse"]
    if callable(metric) and not isinstance(metric, keras.metrics.Metric):
        return TaskMetric(getattr(metric, "__name__", "metric"), metric)
    if not isinstance(metric, str) or metric not in _METRICS:
        raise ValueError(
            f"`metric` must be one of {[*_METRICS, *_LIKELIHOODS]}, a `Perplexity`, a "
            f"`BitsPerCharacter`, or a callable. Received: {metric!r}."
        )
    return _METRICS[metric]


def lower_is_better(metric):
    """Whether a metric, as `resolve_metric` takes it, is an error."""
    return resolve_metric(metric).lower_is_better


def metric_name(metric):
    """Returns the name of a metric, as `resolve_metric` takes it."""
    return resolve_metric(metric).name
