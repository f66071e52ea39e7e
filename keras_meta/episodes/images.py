"""Conversion of images to a common size and number of channels."""

import math
import numbers
import struct

import keras
import numpy as np
import tensorflow as tf

from keras_meta.episodes import exif
from keras_meta.episodes.arguments import check_integer

# More than photographs have, and less than a gigabyte in colour.
_MAX_PIXELS = 2**28


def check_image_size(image_size):
    """Checks an `image_size` argument and returns it as `(height, width)`.

    Args:
        image_size: Integer for a square, or a pair `(height, width)`, in pixels.

    Returns:
        A pair of Python integers.

    Raises:
        ValueError: If `image_size` is not a size.
    """
    if isinstance(image_size, numbers.Integral):
        image_size = (image_size, image_size)
    if not isinstance(image_size, (tuple, list)) or len(image_size) != 2:
        raise ValueError(
            "`image_size` must be an integer or a pair (height, width), in pixels. "
            f"Received: image_size={image_size!r}."
        )
    return tuple(check_integer("image_size", side, minimum=1) for side in image_size)


def check_color_mode(color_mode):
    """Checks a `color_mode` argument.

    Args:
        color_mode: `"grayscale"` or `"rgb"`.

    Raises:
        ValueError: If `color_mode` is something else.
    """
    if color_mode not in ("grayscale", "rgb"):
        raise ValueError(
            f'`color_mode` must be "grayscale" or "rgb". Received: color_mode={color_mode!r}.'
        )


def convert_image(image, image_size, color_mode):
    """Converts one image to the given size and number of channels.

    An image that already has the size keeps its pixels; others are resized with antialiasing, which
    does not preserve the aspect ratio. A transparency channel is dropped.

    Args:
        image: `uint8` tensor `[height, width, channels]`, 1 to 4 channels.
        image_size: Pair `(height, width)` in pixels, or `None` to keep the size.
        color_mode: `"grayscale"`, `"rgb"`, or `None` to keep the channels.

    Returns:
        A `uint8` tensor `[height, width, channels]`.
    """
    if color_mode is not None:
        has_color = image.shape[-1] >= 3
        image = image[..., :3] if has_color else image[..., :1]
        if color_mode == "grayscale" and has_color:
            image = tf.image.rgb_to_grayscale(image)
        elif color_mode == "rgb" and not has_color:
            image = tf.image.grayscale_to_rgb(image)
    if image_size is not None and tuple(image.shape[:2]) != tuple(image_size):
        image = tf.image.resize(image, image_size, antialias=True)
        image = tf.cast(tf.clip_by_value(tf.round(image), 0.0, 255.0), tf.uint8)
    return image


def scale_images(features):
    """The default preprocessing: scales `uint8` features to `float32` in `[0, 1]`.

    Args:
        features: Nest of tensors.

    Returns:
        The nest with each `uint8` tensor divided by 255, and the other tensors unchanged.
    """

    def scale(feature):
        return tf.cast(feature, tf.float32) / 255.0 if feature.dtype == tf.uint8 else feature

    return keras.tree.map_structure(scale, features)


def read_image(file, image_size, color_mode):
    """Reads one PNG, JPEG, BMP or GIF file. Of an animation, it reads the first frame.

    A photograph that its camera has marked as turned or mirrored (EXIF) is put upright.

    Args:
        file: Path of the file.
        image_size: Pair `(height, width)` in pixels, or `None` to keep the size.
        color_mode: `"grayscale"` or `"rgb"`.

    Returns:
        A `uint8` array `[height, width, channels]`.

    Raises:
        ValueError: If the file cannot be read as an image.
    """
    try:
        content = tf.io.read_file(str(file))
        _check_pixels(content)
        image = _decoded(content, image_size)
        image = exif.upright(image, exif.orientation(content.numpy()))
    except (tf.errors.OpError, ValueError, struct.error) as error:
        raise ValueError(
            f"Cannot read {file} as a PNG, JPEG, BMP or GIF image. Repair or remove the file. "
            f"Received: {str(error).splitlines()[0]}"
        ) from error
    return np.asarray(convert_image(image, image_size, color_mode))


def _decoded(content, image_size):
    """Decodes an image file, a photograph of many pixels at a half, a quarter or an eighth of them.

    A JPEG can be decoded at these scales in a fraction of the time, by averages over squares. It
    stays at least twice as large as asked for, so that the resizing that follows decides.
    """
    if image_size is None or not content.numpy().startswith(b"\xff\xd8"):
        return tf.io.decode_image(content, expand_animations=False)
    shortest = min(tf.io.extract_jpeg_shape(content).numpy()[:2])
    # A photograph may be turned after it is decoded.
    ratios = [ratio for ratio in (8, 4, 2) if shortest // ratio >= 2 * max(image_size)]
    return tf.io.decode_jpeg(content, ratio=ratios[0] if ratios else 1)


def _check_pixels(content):
    """Raises if the header of a file claims more than `_MAX_PIXELS`, before memory is allocated."""
    head = content.numpy()[:32]
    if head.startswith(b"\x89PNG"):
        sides = struct.unpack(">II", head[16:24])
    elif head.startswith(b"GIF8"):
        sides = struct.unpack("<HH", head[6:10])
    elif head.startswith(b"BM"):
        sides = struct.unpack("<ii", head[18:26])
    else:
        sides = tf.io.extract_jpeg_shape(content).numpy()[:2]
    if abs(math.prod(map(int, sides))) > _MAX_PIXELS:
        raise ValueError(f"it claims {int(sides[0])} x {int(sides[1])} pixels")
