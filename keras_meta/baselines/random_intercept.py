"""A pooled model, or one mean, plus the mean of what it leaves in a task."""

import math

import tensorflow as tf

from keras_meta.baselines.baseline_method import BaselineMethod


class RandomIntercept(BaselineMethod):
    """Adds the shrunk mean error on the support set to the prediction of a pooled model.

    With a model `g` of all tasks, and `n` support examples,

        f(x) = g(x) + (sum of  y_i - g(x_i)) / (n + a)

    which is the best linear prediction if tasks differ by an intercept of variance `v / a`, where
    `v` is the variance of the noise. With `a = 0` the intercept is that of the task alone, with
    `a = infinity` there is none.

    Args:
        model: A built `keras.Model` from examples `[n, ...]` to values `[n, 1]`, or a float, a
            prediction for all.
        prior_rows: Sequence of floats, the numbers `a`; the settings.

    Example:

    ```python
    import keras_meta

    waves = keras_meta.episodes.Sinusoid(num_shots=5).as_dataset(25, num_batches=2)
    means = keras_meta.baselines.RandomIntercept(0.0, prior_rows=(0.0, 2.0))
    assert means.task_values(waves, "mse").shape == (50, 2)
    ```

    Reference:
        [Laird and Ware, 1982](https://doi.org/10.2307/2529876)
    """

    def __init__(self, model, prior_rows=(0.0, 0.3, 1.0, 3.0, 10.0, 30.0, math.inf)):
        super().__init__()
        self.model = model
        self.prior_rows = tuple(prior_rows)

    @property
    def settings(self):
        return [f"prior of {rows:g} examples" for rows in self.prior_rows]

    def predictions(self, inputs, loss):
        del loss
        support_y = inputs["support_y"]
        left = tf.reduce_sum(support_y - self._pooled(inputs["support_x"]), 0)
        number = tf.cast(tf.shape(support_y)[0], support_y.dtype)
        intercepts = left / (number + tf.constant(self.prior_rows, support_y.dtype)[:, None])
        return self._pooled(inputs["query_x"])[None] + intercepts[:, None]

    def _pooled(self, x):
        if callable(self.model):
            return self.model(x, training=False)
        number = tf.shape(tf.nest.flatten(x)[0])[0]
        return tf.fill([number, 1], tf.constant(self.model, tf.float32))
