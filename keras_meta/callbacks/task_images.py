"""Images of tasks and predictions for TensorBoard."""

import importlib.util

import keras
import numpy as np
import tensorflow as tf

_RIGHT, _WRONG = (0.1, 0.7, 0.2), (0.85, 0.1, 0.1)
_EDGE = 2


class TaskImages(keras.callbacks.Callback):
    """Writes images of tasks and of a learner's predictions to the logs of TensorBoard.

    An image shows one task, each class in a row: first its support examples, then its queries, with
    a green border if they are classified correctly and a red one if not.

    Args:
        log_dir: Folder of the logs. See `keras.callbacks.TensorBoard`.
        batch: `(inputs, query_y)`, a batch of episodes of images, with class numbers as labels.
        num_tasks: int. Number of tasks to show.
        frequency: int. Number of epochs from one image to the next.

    Raises:
        ImportError: If TensorBoard is not installed.
        ValueError: If `batch` does not consist of images and class numbers.

    Example:

    ```python
    import keras
    import keras_meta

    glyphs = keras_meta.episodes.StrokeGlyphs(num_ways=3, num_shots=1, num_classes=12)
    learner = keras_meta.learners.PrototypicalNetwork(keras_meta.networks.Conv4(filters=2))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    learner.compile("adam", loss)
    images = keras_meta.callbacks.TaskImages("logs", next(iter(glyphs.as_dataset(2))))
    learner.fit(glyphs.as_dataset(2), steps_per_epoch=1, callbacks=[images], verbose=0)
    ```
    """

    def __init__(self, log_dir, batch, num_tasks=2, frequency=1):
        super().__init__()
        if importlib.util.find_spec("tensorboard") is None:
            raise ImportError("TaskImages needs TensorBoard: pip install tensorboard.")
        inputs, query_y = batch
        labels = np.asarray(query_y)
        if len(inputs["support_x"].shape) != 5 or labels.ndim != 2 or labels.dtype.kind not in "iu":
            raise ValueError(
                "`batch` must have images `[tasks, n, height, width, channels]` and class numbers "
                f"`[tasks, n]` as labels. Received: images {inputs['support_x'].shape}, "
                f"labels {labels.shape} of {labels.dtype}."
            )
        self.log_dir, self.num_tasks, self.frequency = str(log_dir), num_tasks, frequency
        self.inputs = keras.tree.map_structure(lambda x: x[:num_tasks], inputs)
        self.query_y = labels[:num_tasks]

    def on_train_begin(self, logs=None):
        self._writer = tf.summary.create_file_writer(self.log_dir)

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.frequency:
            return
        predicted = self.model.predict_on_batch(self.inputs).argmax(-1)
        parts = [np.asarray(self.inputs[key]) for key in ("support_x", "support_y", "query_x")]
        sheets = [sheet(*task) for task in zip(*parts, self.query_y, predicted, strict=True)]
        with self._writer.as_default():
            tf.summary.image("tasks", np.stack(sheets), step=epoch, max_outputs=self.num_tasks)

    def on_train_end(self, logs=None):
        self._writer.close()


def sheet(support_x, support_y, query_x, query_y, predicted):
    """Draws one task as an image `[height, width, 3]` with values in `[0, 1]`.

    Args:
        support_x: Array `[support, height, width, channels]`.
        support_y: Class numbers `[support]`.
        query_x: Array `[query, height, width, channels]`.
        query_y: Class numbers `[query]`.
        predicted: Predicted class numbers `[query]`.
    """
    support_x, query_x = _colour(support_x), _colour(query_x)
    rows = []
    for number in np.unique(support_y):
        row = [_edged(image, (1.0, 1.0, 1.0)) for image in support_x[support_y == number]]
        row += [
            _edged(image, _RIGHT if guess == number else _WRONG)
            for image, guess in zip(
                query_x[query_y == number], predicted[query_y == number], strict=True
            )
        ]
        rows.append(np.concatenate(row, 1))
    width = max(row.shape[1] for row in rows)
    rows = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows]
    return np.concatenate(rows, 0)


def _colour(images):
    images = images.astype("float32")
    low, high = images.min(), images.max()
    images = (images - low) / max(high - low, 1e-6)
    return np.repeat(images, 3, -1) if images.shape[-1] == 1 else images[..., :3]


def _edged(image, colour):
    height, width, _ = image.shape
    edged = np.broadcast_to(np.float32(colour), (height + 2 * _EDGE, width + 2 * _EDGE, 3)).copy()
    edged[_EDGE:-_EDGE, _EDGE:-_EDGE] = image
    return edged
