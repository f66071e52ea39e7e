"""A Gaussian process for each task alone."""

import itertools

import tensorflow as tf

from keras_meta.baselines.baseline_method import BaselineMethod
from keras_meta.baselines.ridge_per_task import vectors
from keras_meta.heads.dual import double


class GaussianProcess(BaselineMethod):
    """The mean of a Gaussian process, given the support set.

    With the mean `m` of all tasks, a kernel with a constant part, by which tasks differ in level,

        k(x, x') = exp(-|x - x'|^2 / (2 r^2)) + c
        f(x) = m + k(x, X) (K + s^2 I)^-1 (Y - m)

    Variances are relative to that of the kernel's first part.

    Args:
        features: See `RidgePerTask`; features should have a variance near 1.
        mean: float `m`.
        length_scales: Sequence of floats `r`.
        noises: Sequence of floats `s^2`.
        levels: Sequence of floats `c`. The settings are all combinations of the three.

    Example:

    ```python
    import keras_meta

    waves = keras_meta.episodes.Sinusoid(num_shots=5).as_dataset(25, num_batches=2)
    process = keras_meta.baselines.GaussianProcess(length_scales=(1.0, 2.0), noises=(0.01,))
    assert process.task_values(waves, "mse").shape == (50, 8)
    ```

    Reference:
        [Rasmussen and Williams, 2006](https://gaussianprocess.org/gpml/), section 2.2
    """

    def __init__(
        self,
        features=None,
        mean=0.0,
        length_scales=(0.3, 1.0, 3.0),
        noises=(0.001, 0.01, 0.1, 1.0),
        levels=(0.1, 1.0, 10.0, 100.0),
    ):
        super().__init__()
        self.features = features
        self.mean = mean
        self.length_scales = tuple(length_scales)
        self.noises = tuple(noises)
        self.levels = tuple(levels)

    @property
    def settings(self):
        return [
            f"length scale {length:g}, noise {noise:g}, level {level:g}"
            for length, noise, level in self._combinations()
        ]

    def predictions(self, inputs, loss):
        del loss
        support, query = vectors(self.features, inputs)
        # In double precision, for levels far above the noise. All settings at once.
        support, query, y = double(support, query, inputs["support_y"] - self.mean)
        settings = tf.constant(list(self._combinations()), y.dtype)
        length, noise, level = (x[:, None, None] for x in tf.unstack(settings, axis=1))
        among, across = (
            tf.exp(-_squared_distances(x, support) / (2 * length**2)) + level
            for x in (support, query)
        )
        factor = tf.linalg.cholesky(among + noise * tf.eye(tf.shape(support)[0], dtype=y.dtype))
        learned = tf.linalg.cholesky_solve(factor, tf.broadcast_to(y, _batch(factor, y)))
        found = self.mean + tf.matmul(across, learned)
        return tf.cast(found, inputs["support_y"].dtype)

    def _combinations(self):
        return itertools.product(self.length_scales, self.noises, self.levels)


def _squared_distances(a, b):
    return tf.reduce_sum(tf.square(a[:, None] - b[None]), -1)


def _batch(factor, y):
    return tf.concat([tf.shape(factor)[:1], tf.shape(y)], 0)
