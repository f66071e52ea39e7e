"""Random erasing of rectangles."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta.episodes.augmentation import RandomErasing

IMAGES = tf.zeros((2, 300, 20, 16, 3))


def draw(shape):
    return tf.random.stateless_uniform((2, *shape), [1, len(shape)])


def test_rectangles_of_the_given_area_and_aspect():
    erasing = RandomErasing(probability=0.5, area=(0.1, 0.3), aspect=(0.5, 2.0), value=1.0)
    erased = erasing(IMAGES, draw).numpy().reshape(600, 20, 16, 3)
    assert np.all(erased == erased[..., :1]) and set(np.unique(erased)) == {0.0, 1.0}
    erased = erased[..., 0]
    heights, widths = erased.any(2).sum(1), erased.any(1).sum(1)
    np.testing.assert_array_equal(erased.sum((1, 2)), heights * widths)  # they are rectangles
    some = heights > 0
    assert 0.43 < some.mean() < 0.57
    areas, aspects = (heights * widths)[some] / 320, heights[some] / widths[some]
    # A side is off by at most half a pixel; 0.1 of the image are about 6 by 6.
    assert 0.08 < areas.min() < 0.13 and 0.25 < areas.max() < 0.34
    assert 0.4 < aspects.min() < 0.65 and 1.6 < aspects.max() < 2.4
    # They lie anywhere, and reach every border.
    covered = erased[some].mean(0)
    assert covered.min() > 0.01 and covered[10, 8] > 0.25


def test_noise_and_certainty():
    erased = RandomErasing(probability=1.0, area=(1.0, 1.0), aspect=(1.25, 1.25))(IMAGES, draw)
    np.testing.assert_array_equal(erased, draw(IMAGES.shape[1:]))
    never = RandomErasing(probability=0.0)(IMAGES + 0.25, draw)
    np.testing.assert_array_equal(never, IMAGES + 0.25)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"probability": 1.5}, "Received: probability=1.5"),
        ({"area": (0.0, 0.3)}, r"Received: area=\(0.0, 0.3\)"),
        ({"area": (0.3, 0.2)}, "`area` must be a pair"),
        ({"aspect": (-1.0, 1.0)}, r"aspect=\(-1.0, 1.0\)"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        RandomErasing(**kwargs)
