"""Images of tasks in the logs of TensorBoard."""

import sys

import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta.callbacks import TaskImages
from keras_meta.callbacks.task_images import sheet

WHITE, GREEN, RED = [1.0, 1.0, 1.0], [0.1, 0.7, 0.2], [0.85, 0.1, 0.1]
GENERATOR = np.random.default_rng(0)


def batch(tasks=3, channels=1):
    """Two classes, with one support example and two queries each."""
    inputs = {
        "support_x": GENERATOR.random((tasks, 2, 4, 5, channels), "float32"),
        "support_y": np.tile(np.array([0, 1], "int32"), (tasks, 1)),
        "query_x": GENERATOR.random((tasks, 4, 4, 5, channels), "float32"),
    }
    return inputs, np.tile(np.array([0, 1, 1, 0], "int32"), (tasks, 1))


class Model:
    """Predicts class 0 for all queries, and keeps what it was asked."""

    asked = None

    def predict_on_batch(self, inputs):
        self.asked = inputs
        return np.tile(np.array([1.0, 0.0]), (*inputs["query_x"].shape[:2], 1))


def images_in_logs(folder):
    """Step to images `[tasks, height, width, 3]` of bytes."""
    records = tf.data.TFRecordDataset([str(path) for path in folder.glob("*tfevents*")])
    events = [tf.compat.v1.Event.FromString(record.numpy()) for record in records]
    found = {}
    for event in events:
        for value in event.summary.value:
            assert value.tag == "tasks"
            _, _, *pictures = tf.make_ndarray(value.tensor)
            found[event.step] = np.stack([tf.io.decode_png(p).numpy() for p in pictures])
    return found


def test_every_second_epoch_the_first_tasks_are_in_the_logs(tmp_path):
    inputs, query_y = batch()
    callback = TaskImages(tmp_path, (inputs, query_y), num_tasks=2, frequency=2)
    callback.set_model(Model())
    callback.on_train_begin()
    for epoch in range(4):
        callback.on_epoch_end(epoch)
    callback.on_train_end()
    found = images_in_logs(tmp_path)
    assert sorted(found) == [1, 3]
    predicted = np.zeros(4, int)
    expected = [
        sheet(
            *(inputs[key][t] for key in ("support_x", "support_y", "query_x")),
            query_y[t],
            predicted,
        )
        for t in range(2)
    ]
    assert len(callback.model.asked["query_x"]) == 2
    np.testing.assert_allclose(found[3], 255 * np.stack(expected), atol=1)


def test_each_class_is_a_row_of_support_examples_and_queries():
    inputs, query_y = batch(tasks=1)
    support_x, query_x = inputs["support_x"][0], inputs["query_x"][0]
    drawn = sheet(support_x, inputs["support_y"][0], query_x, query_y[0], np.array([0, 1, 0, 0]))
    assert drawn.shape == (2 * 8, 3 * 9, 3)
    tiles = drawn.reshape(2, 8, 3, 9, 3).transpose(0, 2, 1, 3, 4)  # [row, column, 8, 9, 3]
    edges = [[WHITE, GREEN, GREEN], [WHITE, GREEN, RED]]
    examples = [[support_x[0], query_x[0], query_x[3]], [support_x[1], query_x[1], query_x[2]]]
    for row in range(2):
        for column in range(3):
            tile = tiles[row, column]
            for line in (tile[0], tile[1], tile[-1], tile[:, 0], tile[:, -1]):
                np.testing.assert_allclose(line, np.tile(edges[row][column], (len(line), 1)))
            images = support_x if column == 0 else query_x
            scaled = (examples[row][column] - images.min()) / np.ptp(images)
            np.testing.assert_allclose(tile[2:-2, 2:-2], np.repeat(scaled, 3, -1), atol=1e-6)


def test_a_class_with_fewer_examples_ends_in_black():
    images, labels = GENERATOR.random((3, 4, 4, 3)), np.array([0, 0, 1])
    drawn = sheet(images, labels, images, labels, predicted=labels)
    assert drawn.shape == (2 * 8, 4 * 8, 3)
    np.testing.assert_allclose(drawn[8, 8:16], np.tile(GREEN, (8, 1)))
    assert not drawn[8:, 16:].any()


@pytest.mark.parametrize("labels", ["numbers of the wrong type", "one-hot"])
def test_labels_must_be_class_numbers(labels, tmp_path):
    inputs, query_y = batch()
    query_y = np.eye(2)[query_y] if labels == "one-hot" else query_y.astype("float32")
    with pytest.raises(ValueError, match="class numbers .*labels .* of float"):
        TaskImages(tmp_path, (inputs, query_y))


def test_examples_must_be_images(tmp_path):
    waves = keras_meta.episodes.Sinusoid(num_shots=2)
    with pytest.raises(ValueError, match=r"Received: images \(2, 2, 1\)"):
        TaskImages(tmp_path, waves.sample(0, 2))


def test_without_tensorboard(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install tensorboard"):
        TaskImages(tmp_path, batch())
