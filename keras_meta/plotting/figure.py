"""An empty figure."""

import importlib
import io


def figure(size):
    """Creates a figure without a window, which is freed when it is no longer referenced.

    Args:
        size: Pair of floats, width and height in inches.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: If matplotlib is not installed.

    Example:

    ```python
    import keras_meta.plotting

    axes = keras_meta.plotting.figure((4, 3)).subplots()
    ```
    """
    try:
        matplotlib_figure = importlib.import_module("matplotlib.figure")
    except ImportError as error:
        raise ImportError(
            'Plots need matplotlib, which is not installed: pip install "keras-meta[plots]"'
        ) from error
    # Not pyplot, which would select a backend for the whole program and keep the figure alive.
    return _shown(matplotlib_figure.Figure)(figsize=size, layout="constrained")


def _shown(figure_class):
    """A class of figures that notebooks draw, though pyplot does not know them."""

    class Figure(figure_class):
        def _repr_png_(self):
            file = io.BytesIO()
            self.savefig(file, format="png")
            return file.getvalue()

    return Figure
