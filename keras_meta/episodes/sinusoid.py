"""The sine wave regression tasks of the MAML paper."""

import math

import tensorflow as tf

from keras_meta.episodes.arguments import check_integer, check_range
from keras_meta.episodes.task_distribution import TaskDistribution


class Sinusoid(TaskDistribution):
    """Regression on sine waves of random amplitude and phase.

    Each task is one function, of which the support set has a few points:

        y = A sin(x - p),   A ~ U(amplitude),   p ~ U(phase),   x ~ U(x_range)

    Args:
        num_shots: Integer. Number of support points in a task.
        num_queries: Integer. Number of query points in a task.
        amplitude: Pair of floats `(low, high)`, the range of `A`.
        phase: Pair of floats `(low, high)`, the range of `p`, in radians.
        x_range: Pair of floats `(low, high)`, the range of `x`, in radians.
        seed: Integer. The stream of tasks is a function of it.

    Raises:
        ValueError: If a count is below 1 or a range is not a pair `(low, high)`.

    Example:

    ```python
    from keras_meta import episodes

    tasks = episodes.Sinusoid(num_shots=10, num_queries=10, seed=0)
    for inputs, query_y in tasks.as_dataset(batch_size=25, num_batches=1):
        print(inputs["support_x"].shape, query_y.shape)  # (25, 10, 1) (25, 10, 1)
    ```

    Reference:
        Finn, Abbeel, Levine: "Model-Agnostic Meta-Learning for Fast Adaptation of Deep
        Networks", ICML 2017, section 5.1.
    """

    def __init__(
        self,
        num_shots=10,
        num_queries=10,
        amplitude=(0.1, 5.0),
        phase=(0.0, math.pi),
        x_range=(-5.0, 5.0),
        seed=0,
    ):
        super().__init__(seed)
        self.num_shots = check_integer("num_shots", num_shots, minimum=1)
        self.num_queries = check_integer("num_queries", num_queries, minimum=1)
        self.amplitude = check_range("amplitude", amplitude)
        self.phase = check_range("phase", phase)
        self.x_range = check_range("x_range", x_range)

    def sample(self, first_task, num_tasks):
        num_points = self.num_shots + self.num_queries
        # One draw for amplitude, phase and points: the cost is in the number of operations.
        low, high = zip(self.amplitude, self.phase, *[self.x_range] * num_points, strict=True)
        span = [upper - lower for lower, upper in zip(low, high, strict=True)]
        drawn = self.uniform(first_task, num_tasks, (num_points + 2,))
        drawn = tf.constant(low) + tf.constant(span) * drawn
        amplitude, phase, x = tf.split(drawn[..., None], [1, 1, num_points], axis=1)
        y = amplitude * tf.sin(x - phase)
        support_x, query_x = tf.split(x, [self.num_shots, self.num_queries], axis=1)
        support_y, query_y = tf.split(y, [self.num_shots, self.num_queries], axis=1)
        return {"support_x": support_x, "support_y": support_y, "query_x": query_x}, query_y
