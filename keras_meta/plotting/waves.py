"""A figure of one-dimensional regression tasks before and after adaptation."""

import keras
import numpy as np

from keras_meta.plotting.figure import figure


def waves(learner, inputs, query_y, steps=None):
    """Draws the predictions of a learner for functions of one variable.

    Args:
        learner: A compiled learner that adapts by gradient steps.
        inputs: Episode batch. Each task has a panel of its own.
        query_y: True values of the queries, which are drawn as points.
        steps: int. Number of inner steps. Defaults to the learner's number at evaluation.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: If matplotlib is not installed.

    Example:

    ```python
    import keras_meta
    import keras_meta.plotting

    learner = keras_meta.learners.MAML(keras_meta.networks.SinusoidMLP())
    learner.compile("adam", "mse")
    keras_meta.plotting.waves(learner, *keras_meta.episodes.Sinusoid().sample(0, 2))
    ```
    """
    support_x, support_y = np.asarray(inputs["support_x"]), np.asarray(inputs["support_y"])
    query_x, query_y = np.asarray(inputs["query_x"]), np.asarray(query_y)
    low, high = min(support_x.min(), query_x.min()), max(support_x.max(), query_x.max())
    tasks = len(support_x)
    grid = np.tile(np.linspace(low, high, 200, dtype="float32")[:, None], [tasks, 1, 1])
    on_grid = keras.tree.map_structure(keras.ops.convert_to_tensor, {**inputs, "query_x": grid})
    predictions = np.asarray(learner.predict_by_step(on_grid, steps))
    last = len(predictions) - 1
    shown = sorted({0, min(1, last), last})
    drawing = figure((4 * tasks, 3.6))
    for task, axes in enumerate(drawing.subplots(1, tasks, squeeze=False, sharey=True)[0]):
        for step, color in zip(shown, ("0.6", "tab:orange", "tab:red")[-len(shown) :], strict=True):
            label = f"after {step} step" + "s" * (step != 1) if step else "before adaptation"
            axes.plot(grid[task, :, 0], predictions[step, task, :, 0], color=color, label=label)
        axes.plot(query_x[task], query_y[task], "x", color="tab:blue", label="queries (unseen)")
        axes.plot(support_x[task], support_y[task], "o", color="black", label="support")
        axes.set_xlabel("x")
        axes.grid(alpha=0.3)
    drawing.axes[0].set_ylabel("y")
    drawing.legend(
        *drawing.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5
    )
    return drawing
