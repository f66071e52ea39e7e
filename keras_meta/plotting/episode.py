"""A figure of a few-shot task and its predictions."""

import numpy as np

from keras_meta.plotting.figure import figure


def episode(learner, inputs, query_y, task=0):
    """Draws the support images of a task, and its queries under the class predicted for them.

    Args:
        learner: A compiled learner.
        inputs: Episode batch of images.
        query_y: Class numbers of the queries, `[tasks, queries]`.
        task: int. Number of the task in the batch.

    Returns:
        A `matplotlib.figure.Figure` with a row for each class: its support images, a gap, and its
        queries, whose titles are the predicted classes, in green if correct and in red if not.

    Raises:
        ImportError: If matplotlib is not installed.

    Example:

    ```python
    import keras
    import keras_meta
    import keras_meta.plotting

    learner = keras_meta.learners.PrototypicalNetwork(keras_meta.networks.Conv4(filters=4))
    learner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    glyphs = keras_meta.episodes.StrokeGlyphs(num_classes=10, num_queries=3)
    keras_meta.plotting.episode(learner, *glyphs.sample(0, 1))
    ```
    """
    one = {key: value[task : task + 1] for key, value in inputs.items()}
    predicted = np.asarray(learner(one, training=False))[0].argmax(axis=-1)
    support_x, query_x = (np.asarray(one[key])[0] for key in ("support_x", "query_x"))
    support_y, query_y = np.asarray(one["support_y"])[0], np.asarray(query_y)[task]
    classes = np.unique(support_y)
    shots = max(int((support_y == label).sum()) for label in classes)
    queries = max(int((query_y == label).sum()) for label in classes)
    drawing = figure((1.0 * (shots + queries) + 1.2, 1.15 * len(classes) + 0.8))
    grid = drawing.subplots(
        len(classes),
        shots + 1 + queries,
        squeeze=False,
        gridspec_kw={"width_ratios": [1] * shots + [0.3] + [1] * queries},
    )
    for axes in grid.flat:
        axes.set_axis_off()
    for row, label in zip(grid, classes, strict=True):
        for axes, image in zip(row, support_x[support_y == label], strict=False):
            _draw(axes, image, f"class {label}", "black")
        chosen = query_y == label
        for axes, image, answer in zip(
            row[shots + 1 :], query_x[chosen], predicted[chosen], strict=False
        ):
            color = "tab:green" if answer == label else "tab:red"
            _draw(axes, image, f"as {answer}", color)
    right = (predicted == query_y).mean()
    drawing.suptitle(f"support and queries, {right:.0%} correct")
    return drawing


def _draw(axes, image, title, color):
    image = np.asarray(image, "float32")
    axes.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=1)
    axes.set_title(title, color=color, fontsize=9)
