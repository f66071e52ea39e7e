"""A plot of results against the number of steps."""

from keras_meta.metrics import task_interval
from keras_meta.plotting.figure import figure


def adaptation(curves, title="", metric=None):
    """Draws the mean over tasks after each number of steps, with its 95 % interval.

    Args:
        curves: dict, name to `(steps, values)`: a sequence of ints, and an array
            `[tasks, len(steps)]`.
        title: str.
        metric: str. Label of the vertical axis. Defaults to the part of `title` after `": "`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: If matplotlib is not installed.

    Example:

    ```python
    import numpy as np
    import keras_meta.plotting

    values = np.random.default_rng(0).uniform(size=[100, 3])
    keras_meta.plotting.adaptation({"MAML": ([0, 1, 2], values)}, "Noise: value")
    ```
    """
    drawing = figure((6, 4))
    axes = drawing.subplots()
    last = max(max(steps) for steps, _ in curves.values())
    for marker, (name, (steps, values)) in zip(
        "os^Dv<>" * len(curves), curves.items(), strict=False
    ):
        mean, half_width = task_interval(values)
        (line,) = axes.plot(list(steps), mean, marker=marker, markersize=4, label=name)
        axes.fill_between(
            list(steps), mean - half_width, mean + half_width, color=line.get_color(), alpha=0.25
        )
    if last > 20:
        # Baselines take up to a hundred times as many steps; the first ones must stay visible.
        axes.set_xscale("symlog", linthresh=5, linscale=1.5)
        ticks = [tick for tick in (0, 1, 2, 3, 5, 10, 30, 100, 300, 1000, 3000) if tick <= last]
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
    axes.set_xlabel("steps on the support set")
    axes.set_ylabel(metric or title.rpartition(": ")[2])
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend()
    return drawing
