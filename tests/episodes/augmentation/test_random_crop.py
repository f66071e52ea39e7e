"""Random cropping of padded images."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta.episodes.augmentation import RandomCrop


def test_equals_its_definition():
    images = np.random.default_rng(0).random((2, 40, 5, 6, 3)).astype("float32")
    numbers = tf.random.stateless_uniform((2, 40, 2), [1, 2])
    cropped = RandomCrop(2)(tf.constant(images), lambda shape: tf.reshape(numbers, (2, *shape)))
    padded = np.pad(images, [(0, 0), (0, 0), (2, 2), (2, 2), (0, 0)])
    offsets = np.floor(numbers.numpy() * 5).astype(int)
    assert set(map(tuple, offsets.reshape(-1, 2))) >= {(0, 0), (4, 4)}
    for task in range(2):
        for example, (y, x) in enumerate(offsets[task]):
            expected = padded[task, example, y : y + 5, x : x + 6]
            np.testing.assert_array_equal(cropped[task, example], expected)


def test_bad_padding():
    with pytest.raises(ValueError, match="`padding` must be at least 1. Received: padding=0"):
        RandomCrop(0)
