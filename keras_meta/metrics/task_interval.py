"""The mean over tasks and its confidence interval."""

import numpy as np


def task_interval(values):
    """Returns the mean over tasks and half the width of its 95 % confidence interval.

    For `n` tasks with values of standard deviation `s`, the interval is `mean +- 1.96 s / sqrt(n)`.

    Args:
        values: Array `[tasks, ...]`, one value for each task. Values of single examples would give
            too narrow an interval, because examples of the same task are correlated.

    Returns:
        Tuple `(mean, half_width)` of arrays `[...]`.

    Raises:
        ValueError: If there are fewer than two tasks.

    Example:

    ```python
    import numpy as np
    import keras_meta

    mean, half_width = keras_meta.metrics.task_interval(np.array([0.0, 1.0, 1.0, 0.0]))
    assert mean == 0.5
    ```
    """
    values = np.asarray(values, "float64")
    if len(values) < 2:
        raise ValueError(
            "A confidence interval needs the values of at least two tasks. "
            f"Received: an array of shape {values.shape}."
        )
    return values.mean(axis=0), 1.96 * values.std(axis=0, ddof=1) / np.sqrt(len(values))
