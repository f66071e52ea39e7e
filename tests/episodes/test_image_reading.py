"""Images that are read from disk, compared with images in memory."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import episodes


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    for name in ("b", "c", "à"):
        (tmp_path / name).mkdir()
        for number in range(4):
            image = random.integers(0, 256, (10, 12, 3), "uint8")
            (tmp_path / name / f"{number}.png").write_bytes(tf.io.encode_png(image).numpy())
    return tmp_path


@pytest.mark.parametrize("color_mode", ["grayscale", "rgb"])
def test_episodes_are_those_of_images_in_memory(folder, color_mode):
    files, y = episodes.image_files(folder)
    assert list(y) == list(np.repeat(["b", "c", "à"], 4))
    on_disk = episodes.EpisodeSampler(
        files, y, 2, 1, 2, seed=3, preprocess=episodes.read_images((6, 8), color_mode)
    )
    in_memory = episodes.EpisodeSampler(
        *episodes.from_directory(folder, (6, 8), color_mode), 2, 1, 2, seed=3
    )
    pairs = zip(*(s.as_dataset(3, num_batches=2) for s in (on_disk, in_memory)), strict=True)
    for found, expected in pairs:
        keras.tree.map_structure(np.testing.assert_array_equal, found, expected)


def test_shapes_are_static_and_a_damaged_image_is_named(folder):
    files, y = episodes.image_files(folder)
    sampler = episodes.EpisodeSampler(files, y, 3, 1, 2, preprocess=episodes.read_images(28))
    dataset = sampler.as_dataset(2, num_batches=2)
    assert dataset.element_spec[0]["support_x"] == tf.TensorSpec([2, 3, 28, 28, 1], tf.float32)
    assert len(list(dataset)) == 2
    for file in files[:4]:
        with open(file, "wb") as damaged:
            damaged.write(b"not an image")
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"Cannot read .*b/\d.png as a PNG"):
        list(dataset)


@pytest.mark.parametrize(
    "arguments, message", [((0,), "image_size"), ((8, "cmyk"), "Received: color_mode='cmyk'")]
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        episodes.read_images(*arguments)
