"""The mean of the support set, drawn towards the mean of all tasks."""

import math

import tensorflow as tf

from keras_meta.baselines.baseline_method import BaselineMethod


class ShrunkenMean(BaselineMethod):
    """Predicts the mean of the support set, as if there were `a` more examples of an overall mean.

    With the mean `m` of all tasks and `n` support examples,

        f = m + (sum of  y_i - m) / (n + a)

    which is the best linear prediction if the means of tasks have the variance `v / a`, where `v`
    is that within a task. With `a = 0` it is the mean of the task alone, with `a = infinity` that
    of all. With the `Residuals` of a pooled model it is a random intercept.

    Args:
        mean: float `m`.
        prior_rows: Sequence of floats, the numbers `a`; the settings.

    Example:

    ```python
    import keras_meta

    waves = keras_meta.episodes.Sinusoid(num_shots=5).as_dataset(25, num_batches=2)
    means = keras_meta.baselines.ShrunkenMean(prior_rows=(0.0, 2.0))
    assert means.task_values(waves, "mse").shape == (50, 2)
    ```

    Reference:
        [Laird and Ware, 1982](https://doi.org/10.2307/2529876)
    """

    def __init__(self, mean=0.0, prior_rows=(0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, math.inf)):
        super().__init__()
        self.mean = mean
        self.prior_rows = tuple(prior_rows)

    @property
    def settings(self):
        return [
            "a task's examples unused" if math.isinf(rows) else f"{rows:g} prior examples"
            for rows in self.prior_rows
        ]

    def predictions(self, inputs, loss):
        del loss
        support_y = inputs["support_y"]
        number = tf.cast(tf.shape(support_y)[0], support_y.dtype)
        prior_rows = tf.constant(self.prior_rows, support_y.dtype)[:, None]
        means = self.mean + tf.reduce_sum(support_y - self.mean, 0) / (number + prior_rows)
        queries = tf.shape(tf.nest.flatten(inputs["query_x"])[0])[0]
        return tf.repeat(means[:, None], queries, 1)
