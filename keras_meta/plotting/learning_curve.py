"""A plot of results against training."""

from keras_meta.plotting.figure import figure


def learning_curve(iterations, curves, metric):
    """Draws a metric against the number of iterations.

    Args:
        iterations: Sequence of ints.
        curves: dict, name to as many values, such as returns before adaptation and after it.
        metric: str. Label of the vertical axis.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: If matplotlib is not installed.

    Example:

    ```python
    import keras_meta.plotting

    returns = {"before": [-40.0, -39.0, -38.0], "after 1 update": [-40.0, -20.0, -10.0]}
    keras_meta.plotting.learning_curve([10, 20, 30], returns, "return")
    ```
    """
    drawing = figure((6, 4))
    axes = drawing.subplots()
    for marker, (name, values) in zip("os^Dv<>" * len(curves), curves.items(), strict=False):
        axes.plot(list(iterations), list(values), marker=marker, markersize=3, label=name)
    axes.set_xlabel("iterations")
    axes.set_ylabel(metric)
    axes.grid(alpha=0.3)
    if curves:
        axes.legend()
    return drawing
