"""Random brightness, contrast and saturation."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta.episodes.augmentation import ColorJitter


@pytest.mark.parametrize("channels", [1, 3])
def test_equals_its_definition_in_three_steps(channels):
    images = np.random.default_rng(0).random((2, 5, 4, 6, channels)).astype("float32")
    numbers = tf.random.stateless_uniform((2, 5, 3), [1, 2])
    jitter = ColorJitter(brightness=0.8, contrast=0.5, saturation=0.3)
    changed = jitter(tf.constant(images), lambda shape: tf.reshape(numbers, (2, *shape)))
    weights = np.array([0.299, 0.587, 0.114] if channels == 3 else [1.0])
    for task in range(2):
        for example in range(5):
            x = images[task, example].astype("float64")
            b, c, s = 1 + np.array([0.8, 0.5, 0.3]) * (2 * numbers[task, example].numpy() - 1)
            x = b * x
            x = c * x + (1 - c) * (x @ weights).mean()
            x = s * x + (1 - s) * (x @ weights)[..., None]
            np.testing.assert_allclose(changed[task, example], np.clip(x, 0, 1), atol=1e-6)


def test_changes_can_be_left_out():
    images = tf.random.stateless_uniform((1, 3, 4, 4, 3), [0, 1])
    nothing = ColorJitter(0.0, 0.0, 0.0)(images, lambda shape: tf.fill((1, *shape), 0.9))
    np.testing.assert_allclose(nothing, images, atol=1e-6)


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"`contrast` must be in \[0, 1\]. Received: contrast=2"):
        ColorJitter(contrast=2)
    with pytest.raises(ValueError, match="1 or 3 channels. Received: images with 2 channels"):
        ColorJitter()(tf.zeros((1, 1, 4, 4, 2)), lambda shape: tf.zeros((1, *shape)))
