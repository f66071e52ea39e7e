"""Predicted values of episodes, with their standard deviations."""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_meta.outer_loop import padding, task_map


class PredictedValues(NamedTuple):
    """Predictions of one value for each query, and the value itself.

    Attributes:
        mean: Array `[tasks, queries]`.
        deviation: Array `[tasks, queries]`, predictive standard deviations; 1 at padding, and from
            learners that predict none.
        y: Array `[tasks, queries]`.
        mask: bool array `[tasks, queries]`, false for padding.
    """

    mean: np.ndarray
    deviation: np.ndarray
    y: np.ndarray
    mask: np.ndarray


def predicted_values(learner, episodes):
    """Predicts the queries of regression tasks, after adaptation to each task.

    Args:
        learner: A learner of one value, such as a `RidgeLearner` with `num_values=1`.
        episodes: Finite dataset of episodes.

    Returns:
        A `PredictedValues`.

    Example:

    ```python
    import keras_meta

    body = keras_meta.networks.SinusoidMLP(num_outputs=None)
    learner = keras_meta.learners.RidgeLearner(body, num_values=1)
    waves = keras_meta.episodes.Sinusoid(num_shots=5).as_dataset(4, num_batches=2)
    found = keras_meta.metrics.predicted_values(learner, waves)
    assert found.mean.shape == found.deviation.shape == (8, 10)
    ```
    """
    return with_prior(learner, episodes, None)


def with_prior(learner, episodes, prior):
    """`predicted_values`, with another prior of a `RidgeLearner`: noise and rows, or `None`."""

    def of_batch(inputs, prior):
        def of_task(task, index):
            del index
            (inputs,) = padding.cut(task)
            parts = (inputs[key] for key in _PARTS)
            mean, deviation = task_distribution(learner, *parts, prior)
            return (), [padding.spread(x, task)[:, 0] for x in (mean, deviation)]

        how = "loop" if padding.is_padded(inputs) else learner.chosen_task_map()
        return task_map.map_tasks(of_task, inputs, how)[1]

    of_batch = learner.traced(("predicted_values",), of_batch)
    prior = None if prior is None else tf.constant(prior)
    parts = []
    for batch in episodes:
        inputs, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        mean, deviation = (x.numpy() for x in of_batch(inputs, prior))
        y = np.reshape(y, mean.shape)
        mask = np.asarray(inputs.get(padding.QUERY_MASK, np.ones_like(mean))) > 0
        parts.append([mean, np.where(mask, deviation, 1.0), y, mask])
    return PredictedValues(*(np.concatenate(part) for part in zip(*parts, strict=True)))


_PARTS = ("support_x", "support_y", "query_x")


def task_distribution(learner, support_x, support_y, query_x, prior=None):
    """Predicts one task: a tuple of tensors `[query, 1]`, means and standard deviations.

    Args:
        learner: See `predicted_values`.
        support_x: Features `[support, ...]`.
        support_y: Values `[support, 1]`.
        query_x: Features `[query, ...]`.
        prior: Tensor of another prior noise and its rows, or `None` for the learner's own.
    """
    if hasattr(learner, "predict_task_with_variance"):
        prior = None if prior is None else tf.unstack(prior)
        mean, variance = learner.predict_task_with_variance(support_x, support_y, query_x, prior)
        return mean, tf.sqrt(variance)
    state = learner.adapt_task(support_x, support_y)
    mean = learner.predict_task(state, query_x).predictions
    return mean, tf.ones_like(mean)
