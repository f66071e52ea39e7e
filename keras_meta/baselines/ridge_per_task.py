"""A linear model of each task alone."""

import tensorflow as tf

from keras_meta.baselines.baseline_method import BaselineMethod
from keras_meta.heads.ridge import ridge


class RidgePerTask(BaselineMethod):
    """Fits a line, or a plane, to the support set of each task, with an intercept.

    With the means `m_x` and `m_y` of the support set, and `F` its features,

        w = argmin |(Y - m_y) - (F - m_x) w|^2 + l |w|^2,      f(x) = m_y + (x - m_x) w

    A very small `l` gives the least-squares solution; if there are several, the shortest.

    Args:
        features: A `keras.Model` from examples `[n, ...]` to vectors `[n, features]`, such as
            `networks.table_features`; or `None` for examples that are vectors.
        penalties: Sequence of positive floats `l`; the settings.

    Example:

    ```python
    import keras_meta

    waves = keras_meta.episodes.Sinusoid(num_shots=5).as_dataset(25, num_batches=2)
    lines = keras_meta.baselines.RidgePerTask(penalties=(1e-6, 1.0))
    assert lines.task_values(waves, "mse").shape == (50, 2)
    ```
    """

    def __init__(self, features=None, penalties=(0.001, 0.01, 0.1, 1.0, 10.0, 100.0)):
        super().__init__()
        self.features = features
        self.penalties = tuple(penalties)

    @property
    def settings(self):
        return [f"penalty {penalty:g}" for penalty in self.penalties]

    def predictions(self, inputs, loss):
        del loss
        support, query = vectors(self.features, inputs)
        mean_x, mean_y = (tf.reduce_mean(x, 0) for x in (support, inputs["support_y"]))
        support, y = support - mean_x, inputs["support_y"] - mean_y
        return tf.stack(
            [
                mean_y + tf.matmul(query - mean_x, ridge(support, y, penalty))
                for penalty in self.penalties
            ]
        )


def vectors(features, inputs):
    """Returns the support examples and the queries of a task as vectors.

    Args:
        features: A `keras.Model` from examples to vectors, or `None` if they are vectors.
        inputs: dict with the `"support_x"` and `"query_x"` of a task.
    """
    parts = inputs["support_x"], inputs["query_x"]
    return parts if features is None else tuple(features(x, training=False) for x in parts)
