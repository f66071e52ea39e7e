"""What learning without meta-learning reaches: baselines that are fine-tuned to each task."""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_meta.inner_loop import adaptation, losses, task_map
from keras_meta.inner_loop.functional import FunctionalModel


class Tuning(NamedTuple):
    """A way to fine-tune a model to one task with Adam.

    Attributes:
        model: A built `keras.Model` with the weights to start from.
        learning_rate: float.
        head_only: bool. Whether the body stays as it is.
        stored_statistics: bool. Whether batch normalisation uses what the model has stored, or the
            statistics of the examples at hand.
    """

    model: keras.Model
    learning_rate: float
    head_only: bool = False
    stored_statistics: bool = False

    def __str__(self):
        details = ["Adam", f"rate {self.learning_rate:g}"]
        if self.head_only:
            details.append("head only")
        if self.stored_statistics:
            details.append("stored statistics")
        return ", ".join(details)


def values_by_step(tuning, episodes, loss, metric, steps):
    """Fine-tunes to each task and evaluates after some of the steps.

    Args:
        tuning: A `Tuning`.
        episodes: Finite dataset of episodes.
        loss: Loss on the support set.
        metric: Callable `(y_true, y_pred)` that gives a value for each query.
        steps: Increasing sequence of ints, the numbers of steps to evaluate after.

    Returns:
        Array `[tasks, len(steps)]`.
    """
    function = FunctionalModel(tuning.model)
    loss = losses.resolve(loss)
    num_head = len(tuning.model.layers[-1].trainable_variables) if tuning.head_only else 0
    statistics = "stored" if tuning.stored_statistics else "batch"

    def predict(weights, x):
        weights = [*function.initial_weights()[: -len(weights)], *weights]
        return function(x, weights, statistics=statistics).predictions

    def one_task(task, index):
        del index
        inputs, y = task

        def support_loss(weights):
            predictions = predict(weights, inputs["support_x"])
            return losses.support_loss(loss, inputs["support_y"], predictions), None

        def adam(step, weights, first, second):
            gradients, _ = adaptation.gradients(support_loss, weights, first_order=True)
            first = [0.9 * m + 0.1 * g for m, g in zip(first, gradients, strict=True)]
            second = [0.999 * v + 0.001 * g * g for v, g in zip(second, gradients, strict=True)]
            step += 1.0
            scale = tuning.learning_rate * tf.sqrt(1.0 - 0.999**step) / (1.0 - 0.9**step)
            weights = [
                w - scale * m / (tf.sqrt(v) + 1e-7)
                for w, m, v in zip(weights, first, second, strict=True)
            ]
            return step, weights, first, second

        weights = function.initial_weights()[-num_head:]
        zeros = [tf.zeros_like(w) for w in weights]
        state = (tf.constant(0.0), weights, zeros, zeros)
        values = []
        for until in steps:
            state = tf.while_loop(lambda step, *_, n=float(until): step < n, adam, state)
            predictions = predict(state[1], inputs["query_x"])
            values.append(tf.reduce_mean(metric(y[None], predictions[None])))
        return (), tf.stack(values)

    @tf.function(autograph=False)
    def of_batch(inputs, y):
        return task_map.map_tasks(one_task, (inputs, y), task_map.choose(tuning.model))[1]

    return np.concatenate([of_batch(inputs, y).numpy() for inputs, y in episodes])


def choose(tunings, episodes, loss, metric, steps, lower_is_better):
    """Returns the best `Tuning` and number of steps on validation tasks.

    Args:
        tunings: List of `Tuning`.
        episodes: Finite dataset of validation episodes.
        loss: Loss on the support set.
        metric: Callable `(y_true, y_pred)` that gives a value for each query.
        steps: Sequence of ints, the numbers of steps to choose from.
        lower_is_better: bool. Whether the metric is an error.

    Returns:
        Tuple `(tuning, position in steps)`.
    """
    means = np.array(
        [values_by_step(t, episodes, loss, metric, steps).mean(axis=0) for t in tunings]
    )
    best = np.argmin(means if lower_is_better else -means)
    tuning, position = np.unravel_index(best, means.shape)
    return tunings[tuning], int(position)
