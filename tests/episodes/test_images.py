"""Conversion and reading of images."""

import struct

import numpy as np
import pytest
import tensorflow as tf

from keras_meta.episodes.images import (
    check_color_mode,
    check_image_size,
    convert_image,
    read_image,
)


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


def test_colours_become_the_grey_of_their_brightness_and_grey_becomes_three_channels():
    colour = np.array([[[200, 100, 50]]], "uint8")
    grey = convert_image(tf.constant(colour), None, "grayscale").numpy()
    assert abs(int(grey.item()) - (0.299 * 200 + 0.587 * 100 + 0.114 * 50)) <= 1
    np.testing.assert_array_equal(
        convert_image(tf.constant(grey), None, "rgb"), [[[grey.item()] * 3]]
    )
    np.testing.assert_array_equal(convert_image(tf.constant(colour), None, None), colour)


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


def test_an_image_is_read_from_its_file(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), "uint8")
    (tmp_path / "a.png").write_bytes(tf.io.encode_png(image).numpy())
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", (4, 6), "rgb"), image)


def test_a_photograph_is_as_if_decoded_at_its_full_size(tmp_path):
    waves = np.sin(np.arange(400) / 9)[:, None] + np.cos(np.arange(640) / 13)
    image = (128 + 60 * waves).clip(0, 255).astype("uint8")[..., None].repeat(3, -1)
    (tmp_path / "a.jpg").write_bytes(tf.io.encode_jpeg(image, quality=98).numpy())
    for size in ((40, 20), (90, 100), (200, 100)):
        expected = convert_image(tf.constant(image), size, "rgb").numpy().astype(int)
        found = read_image(tmp_path / "a.jpg", size, "rgb").astype(int)
        assert found.shape == expected.shape and np.abs(found - expected).mean() < 2
    assert read_image(tmp_path / "a.jpg", None, "rgb").shape == image.shape


@pytest.mark.parametrize(
    "head",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(8) + struct.pack(">II", 2**15, 2**15),
        b"GIF89a" + struct.pack("<HH", 2**15, 2**15),
        b"BM" + bytes(16) + struct.pack("<ii", 2**15, -(2**15)),
    ],
    ids=["png", "gif", "bmp"],
)
def test_an_image_that_claims_too_many_pixels_is_not_decoded(head, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(head + bytes(32))
    monkeypatch.setattr(tf.io, "decode_image", lambda *args, **kwargs: pytest.fail("decoded"))
    with pytest.raises(ValueError, match=r"Cannot read .*file.*it claims 32768 x -?32768 pixels"):
        read_image(tmp_path / "file", (4, 4), "rgb")


def test_color_modes():
    for color_mode in ("grayscale", "rgb"):
        check_color_mode(color_mode)
    with pytest.raises(ValueError, match="Received: color_mode='grey'"):
        check_color_mode("grey")


def test_a_size_is_square_or_a_pair():
    assert check_image_size(28) == (28, 28)
    assert check_image_size([20, 30]) == (20, 30)
    with pytest.raises(ValueError, match="Received: image_size=0."):
        check_image_size(0)
