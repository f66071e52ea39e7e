import numpy as np
import pytest
import tensorflow as tf

from keras_meta.episodes.images import check_image_size, convert_image


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("color_mode", ["grayscale", "rgb"])
def test_white_stays_white_and_transparency_goes(channels, color_mode):
    image = np.full([4, 6, channels], 255, "uint8")
    if channels in (2, 4):
        image[..., -1] = 7
    converted = convert_image(tf.constant(image), None, color_mode).numpy()
    assert converted.shape == (4, 6, 1 if color_mode == "grayscale" else 3)
    assert converted.dtype == np.uint8
    assert converted.min() >= 254


def test_resizing_averages_and_the_right_size_is_left_alone():
    stripes = np.tile(np.array([0, 255], "uint8"), [16, 8])[..., None]
    small = convert_image(tf.constant(stripes), (4, 4), None).numpy()
    assert small.dtype == np.uint8
    assert abs(small[1:3, 1:3].mean() - 127.5) < 12
    np.testing.assert_array_equal(convert_image(tf.constant(stripes), (16, 16), None), stripes)


@pytest.mark.parametrize("image_size", ["28", (1, 2, 3), 2.5])
def test_wrong_size(image_size):
    with pytest.raises(ValueError, match=r"`image_size` must be an integer or a pair"):
        check_image_size(image_size)


def test_a_size_is_square_or_a_pair():
    assert check_image_size(28) == (28, 28)
    assert check_image_size([20, 30]) == (20, 30)
    with pytest.raises(ValueError, match="Received: image_size=0."):
        check_image_size(0)
