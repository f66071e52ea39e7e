"""Random horizontal flips."""

import numpy as np
import tensorflow as tf

from keras_meta.episodes.augmentation import RandomFlip


def test_half_of_the_images_are_mirrored():
    images = np.random.default_rng(0).random((2, 4, 3, 5, 1)).astype("float32")
    numbers = tf.constant([[0.0, 0.49, 0.5, 0.99], [0.7, 0.1, 0.6, 0.2]])[..., None]
    flipped = RandomFlip()(tf.constant(images), lambda shape: tf.reshape(numbers, (2, *shape)))
    expected = np.where(numbers[..., None, None] < 0.5, images[:, :, :, ::-1], images)
    np.testing.assert_array_equal(flipped, expected)
