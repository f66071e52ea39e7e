"""Random brightness, contrast and saturation."""

import tensorflow as tf

# Of red, green and blue, as in the standard ITU-R BT.601.
_LUMINANCE = (0.299, 0.587, 0.114)


class ColorJitter:
    """Changes brightness, contrast and saturation of images by random factors.

    With `l(x)` the luminance of a pixel and `m` the mean luminance of the image,

        x <- b x                      b ~ U[1 - brightness, 1 + brightness]
        x <- c x + (1 - c) m          c ~ U[1 - contrast, 1 + contrast]
        x <- s x + (1 - s) l(x)       s ~ U[1 - saturation, 1 + saturation]

    after which `x` is clipped to `[0, 1]`. An image of one channel has no saturation.

    Args:
        brightness: float in `[0, 1]`.
        contrast: float in `[0, 1]`.
        saturation: float in `[0, 1]`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    ```python
    import numpy as np
    from keras_meta import episodes

    x, y = np.ones((20, 32, 32, 3), "uint8"), np.repeat(range(4), 5)
    jitter = episodes.augmentation.ColorJitter(saturation=0.0)
    tasks = episodes.EpisodeSampler(x, y, 2, 1, 2, augment=[jitter])
    ```
    """

    def __init__(self, brightness=0.4, contrast=0.4, saturation=0.4):
        self.ranges = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
        for name, value in self.ranges.items():
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"`{name}` must be in [0, 1]. Received: {name}={value}.")

    def __call__(self, images, draw):
        """Changes `images` `[tasks, examples, height, width, channels]`. See `Augmentation`."""
        tasks, examples, height, width, channels = images.shape
        if channels not in (1, 3):
            raise ValueError(
                "Images whose colours change must have 1 or 3 channels. Received: images with "
                f"{channels} channels."
            )
        weights = tf.constant([[w] for w in (_LUMINANCE if channels == 3 else (1.0,))])
        ranges = tf.constant(list(self.ranges.values()))
        factors = 1.0 + ranges * (2.0 * draw((examples, 3)) - 1.0)
        b, c, s = tf.split(factors[..., None], 3, axis=2)
        # The three steps together are one linear map of a pixel: x M + (1 - c) b m, 1 row a pixel.
        pixels = tf.reshape(images, [tasks, examples, height * width, channels])
        mean = tf.linalg.matmul(tf.reduce_mean(pixels, 2, keepdims=True), weights)
        matrix = b * c * (s * tf.eye(channels) + (1.0 - s) * weights)
        changed = tf.linalg.matmul(pixels, matrix) + (1.0 - c) * b * mean
        return tf.reshape(tf.clip_by_value(changed, 0.0, 1.0), images.shape)
