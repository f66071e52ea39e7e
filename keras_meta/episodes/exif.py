"""The orientation of a photograph, which its camera notes in the file instead of turning pixels."""

import struct

import tensorflow as tf

_ORIENTATION, _SHORT = 0x0112, 3
_START_OF_SCAN = 0xDA


def orientation(content):
    """Returns the EXIF orientation of an image file, 1 to 8.

    Args:
        content: bytes of the file.

    Returns:
        int: where the first row and the first column of the stored pixels belong. It is 1, as they
        are, if the file is not a JPEG, or says nothing that can be understood.
    """
    try:
        tag = _orientation_tag(_exif(content))
    except (struct.error, IndexError, ValueError):
        return 1
    return tag if 1 <= tag <= 8 else 1


def upright(image, orientation):
    """Turns and mirrors an image such that it is upright.

    Args:
        image: Tensor `[height, width, channels]`.
        orientation: int from 1 to 8. See `orientation`.

    Returns:
        Tensor `[height, width, channels]`, or `[width, height, channels]` for 5 to 8.

    Reference:
        [CIPA DC-008](https://www.cipa.jp/e/std/std-sec.html), 4.6.4 (`Orientation`)
    """
    if orientation >= 5:  # The first row of the stored pixels is a column.
        image = tf.transpose(image, [1, 0, 2])
    if orientation in (3, 4, 7, 8):
        image = tf.reverse(image, [0])
    if orientation in (2, 3, 6, 7):
        image = tf.reverse(image, [1])
    return image


def _exif(content):
    """Returns the TIFF structure in the EXIF segment of a JPEG file."""
    if content[:2] != b"\xff\xd8":
        raise ValueError("not a JPEG file")
    start = 2
    while True:
        marker, kind, size = struct.unpack_from(">BBH", content, start)
        if marker != 0xFF or kind == _START_OF_SCAN:
            raise ValueError("no EXIF segment before the image")
        segment = content[start + 4 : start + 2 + size]
        if kind == 0xE1 and segment.startswith(b"Exif\0\0"):
            return segment[6:]
        start += 2 + size


def _orientation_tag(tiff):
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        raise ValueError("unknown byte order")
    (start,) = struct.unpack_from(order + "I", tiff, 4)
    (count,) = struct.unpack_from(order + "H", tiff, start)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, entry)
        if (tag, kind) == (_ORIENTATION, _SHORT):
            return value
    raise ValueError("no orientation")
