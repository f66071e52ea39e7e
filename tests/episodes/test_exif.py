"""Photographs that were taken with the camera held sideways or upside down."""

import struct

import numpy as np
import pytest
import tensorflow as tf

from keras_meta.episodes import exif
from keras_meta.episodes.images import read_image

# Blocks of brightness, as they are to be seen: three rows of two, of 8 pixels each.
SEEN = np.kron([[0, 40], [80, 120], [160, 200]], np.ones([8, 8])).astype("uint8")[..., None]
# How a camera stores them, by orientation: where the first row and the first column belong.
STORED = {
    1: SEEN,
    2: SEEN[:, ::-1],
    3: SEEN[::-1, ::-1],
    4: SEEN[::-1],
    5: SEEN.transpose(1, 0, 2),
    6: np.rot90(SEEN),
    7: SEEN[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90(SEEN, -1),
}


def jpeg(image, orientation, order=">"):
    """A JPEG file that says how it is turned, behind a segment of other things."""
    content = tf.io.encode_jpeg(image, quality=100).numpy()
    entries = [(0x010F, 2, 1, b"me\0\0"), (0x0112, 3, 1, struct.pack(order + "HH", orientation, 0))]
    tiff = {">": b"MM", "<": b"II"}[order] + struct.pack(order + "HIH", 42, 8, len(entries))
    tiff += b"".join(struct.pack(order + "HHI", *entry[:3]) + entry[3] for entry in entries)
    segment = b"Exif\0\0" + tiff + bytes(4)
    segments = [b"\xff\xe1" + struct.pack(">H", len(x) + 2) + x for x in (b"http", segment)]
    return content[:2] + b"".join(segments) + content[2:]


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("orientation", STORED)
def test_a_photograph_is_read_upright(tmp_path, orientation, order):
    (tmp_path / "a.jpg").write_bytes(jpeg(STORED[orientation], orientation, order))
    assert exif.orientation((tmp_path / "a.jpg").read_bytes()) == orientation
    image = read_image(tmp_path / "a.jpg", SEEN.shape[:2], "grayscale")
    np.testing.assert_allclose(image.astype(int), SEEN, atol=2)


def test_files_that_say_nothing_are_left_as_they_are():
    plain, turned = tf.io.encode_jpeg(SEEN).numpy(), jpeg(SEEN, 6)
    for content in (b"", plain, jpeg(SEEN, 0), jpeg(SEEN, 9), tf.io.encode_png(SEEN).numpy()):
        assert exif.orientation(content) == 1
    for end in range(turned.index(b"\x01\x12") + 10):
        assert exif.orientation(turned[:end]) == 1
    assert exif.orientation(turned.replace(b"MM", b"??")) == 1
