"""The base class of baselines, and the choice of their settings."""

import keras
import numpy as np
import tensorflow as tf

from keras_meta.exact import keras_masks
from keras_meta.metrics.task_metrics import lower_is_better, resolve_metric
from keras_meta.outer_loop import padding, task_map


class BaselineMethod:
    """A method that learns a task without meta-learning, in one or several settings at once.

    Subclasses define `settings` and `predictions`.

    Example:

    ```python
    import tensorflow as tf
    import keras_meta

    class MeanTarget(keras_meta.baselines.BaselineMethod):
        settings = ["mean"]

        def predictions(self, inputs, loss):
            mean = tf.reduce_mean(inputs["support_y"], 0, keepdims=True)
            return tf.broadcast_to(mean, tf.shape(inputs["query_x"]))[None]

    waves = keras_meta.episodes.Sinusoid(num_shots=5).as_dataset(25, num_batches=2)
    assert MeanTarget().task_values(waves, "mse").shape == (50, 1)
    ```
    """

    # How the tasks of a batch are mapped over: `"loop"` or `"vectorize"`.
    task_map = "loop"

    def __init__(self):
        self._graphs = {}

    @property
    def settings(self):
        """List of strs, a description of each setting."""
        raise NotImplementedError(f"{type(self).__name__} must define `settings`.")

    def predictions(self, inputs, loss):
        """Learns one task and predicts its queries, in each setting.

        Args:
            inputs: dict with `"support_x"`, `"support_y"` and `"query_x"` of one task.
            loss: The loss of the learner that this baseline is compared with.

        Returns:
            Tensor `[settings, query, ...]`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `predictions`.")

    def task_values(self, episodes, metric, loss=None):
        """Returns the mean of a metric over the queries of each task, in each setting.

        Args:
            episodes: Finite dataset of episodes.
            metric: See `metrics.adaptation_curve`.
            loss: Loss on the support set, for baselines that minimise it.

        Returns:
            Array `[tasks, settings]`.
        """
        if (metric, loss) not in self._graphs:
            self._graphs[metric, loss] = self._graph(resolve_metric(metric), loss)
        graph = self._graphs[metric, loss]
        batches = map(keras.utils.unpack_x_y_sample_weight, episodes)
        return np.concatenate([graph(*batch).numpy() for batch in batches])

    def _graph(self, metric, loss):
        def one_task(task, index):
            del index
            inputs, y, sample_weight = padding.cut(*task)
            predictions = self.predictions(inputs, loss)
            y_pred = keras_masks.carried(lambda x: x[:, None], predictions)
            weight = None if sample_weight is None else sample_weight[None]
            return (), metric.of_tasks(y[None, None], y_pred, {}, 2, weight)[:, 0]

        @tf.function(reduce_retracing=True, autograph=False)
        def of_batch(inputs, y, sample_weight):
            how = "loop" if padding.is_padded(inputs) else self.task_map
            if sample_weight is not None and sample_weight.shape.rank == 1:
                sample_weight = tf.repeat(sample_weight[:, None], tf.shape(y)[1], 1)
            return task_map.map_tasks(one_task, (inputs, y, sample_weight), how)[1]

        return of_batch


def choose(candidates, episodes, metric, loss=None):
    """Chooses the baseline and the setting with the best mean over validation tasks.

    Args:
        candidates: A `BaselineMethod`, or a list of several.
        episodes: Finite dataset of validation episodes.
        metric: See `BaselineMethod.task_values`.
        loss: See `BaselineMethod.task_values`.

    Returns:
        Tuple `(baseline, position in its settings)`.
    """
    best = None
    for candidate in keras.tree.flatten(candidates):
        means = candidate.task_values(episodes, metric, loss).mean(axis=0)
        # A setting that diverged, whose value is NaN, is never the best.
        scores = np.nan_to_num(-means if lower_is_better(metric) else means, nan=-np.inf)
        position = int(np.argmax(scores))
        if best is None or scores[position] > best[0]:
            best = scores[position], candidate, position
    return best[1:]


def optimizer_name(optimizer):
    """Returns what a setting calls an inner optimizer: its class, and the kind of its momentum."""
    config = optimizer.get_config()
    if config.get("momentum") is None:
        return type(optimizer).__name__
    kind = "Nesterov momentum" if config.get("nesterov") else "momentum"
    return f"{type(optimizer).__name__} with {kind}"
