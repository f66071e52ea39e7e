"""Random cropping of padded images."""

import tensorflow as tf

from keras_meta.episodes.arguments import check_integer
from keras_meta.inner_loop.random_numbers import below


class RandomCrop:
    """Pads images with zeros on each side, then crops them to their former size anywhere.

    An image moves by up to `padding` pixels in both directions.

    Args:
        padding: int. Number of pixels on each side.

    Raises:
        ValueError: If `padding` is below 1.

    Example:

    ```python
    import numpy as np
    from keras_meta import episodes

    x, y = np.ones((20, 32, 32, 3), "uint8"), np.repeat(range(4), 5)
    crop = episodes.augmentation.RandomCrop(padding=4)
    tasks = episodes.EpisodeSampler(x, y, 2, 1, 2, augment=[crop])
    ```
    """

    def __init__(self, padding=4):
        self.padding = check_integer("padding", padding, minimum=1)

    def __call__(self, images, draw):
        """Crops `images` `[tasks, examples, height, width, channels]`. See `Augmentation`."""
        _, examples, height, width, _ = images.shape
        border = [self.padding, self.padding]
        padded = tf.pad(images, [[0, 0], [0, 0], border, border, [0, 0]])
        offsets = below(draw((examples, 2)), 2 * self.padding + 1)
        rows = offsets[..., :1] + tf.range(height)
        columns = offsets[..., 1:] + tf.range(width)
        cropped = tf.gather(padded, rows, axis=2, batch_dims=2)
        return tf.gather(cropped, columns, axis=3, batch_dims=2)
