import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta.callbacks import TaskImages
from keras_meta.callbacks.task_images import sheet


def test_images_and_stock_scalars_are_in_the_logs(tmp_path):
    glyphs = keras_meta.episodes.StrokeGlyphs(num_ways=3, num_shots=1, num_queries=2)
    learner = keras_meta.learners.MAML(keras_meta.networks.Conv4(num_ways=3, filters=2), 0.4)
    learner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    scalars = keras.callbacks.TensorBoard(tmp_path)
    images = TaskImages(
        tmp_path / "train", next(iter(glyphs.as_dataset(3))), num_tasks=2, frequency=2
    )
    data = glyphs.as_dataset(2)
    learner.fit(data, steps_per_epoch=1, epochs=2, callbacks=[scalars, images], verbose=0)
    written = [
        value
        for record in tf.data.TFRecordDataset(list(map(str, tmp_path.glob("train/*tfevents*"))))
        for value in tf.compat.v1.Event.FromString(record.numpy()).summary.value
    ]
    (value,) = [value for value in written if value.tag == "tasks"]
    width, height, *pictures = tf.make_ndarray(value.tensor)
    side = 28 + 4
    assert "epoch_loss" in {value.tag for value in written}
    assert (int(width), int(height), len(pictures)) == (3 * side, 3 * side, 2)


def test_the_edges_say_what_was_predicted_right():
    images = np.ones((2, 4, 4, 1))
    labels = np.array([0, 1])
    drawn = sheet(images, labels, images, labels, predicted=np.array([0, 0]))
    assert drawn.shape == (16, 16, 3)
    right, wrong = drawn[0, 8], drawn[8, 8]
    assert right[1] > right[0] and wrong[0] > wrong[1]


def test_what_is_no_image(tmp_path):
    waves = keras_meta.episodes.Sinusoid(num_shots=2)
    with pytest.raises(ValueError, match=r"Received: images \(2, 2, 1\)"):
        TaskImages(tmp_path, next(iter(waves.as_dataset(2))))
