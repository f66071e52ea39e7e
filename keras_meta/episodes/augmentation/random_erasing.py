"""Random erasing of rectangles."""

import math

import tensorflow as tf

from keras_meta.episodes.arguments import check_range
from keras_meta.inner_loop.random_numbers import below


class RandomErasing:
    """Fills a random rectangle of some images.

    The area `a` of the rectangle, as a fraction of that of the image, and its aspect ratio `r`,
    height by width, are drawn by

        a ~ U[area],    log r ~ U[log aspect]

    and its sides are cut to those of the image. It lies anywhere within the image.

    Args:
        probability: float. The share of images of which a rectangle is erased.
        area: Pair of floats, in `(0, 1]`.
        aspect: Pair of positive floats.
        value: float, the new value of the pixels, or `None` for noise, uniform in `[0, 1)`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    ```python
    import numpy as np
    from keras_meta import episodes

    x, y = np.ones((20, 32, 32, 3), "uint8"), np.repeat(range(4), 5)
    erasing = episodes.augmentation.RandomErasing(probability=0.25, value=0.0)
    tasks = episodes.EpisodeSampler(x, y, 2, 1, 2, augment={"support": [], "query": [erasing]})
    ```

    Reference:
        [Zhong et al., 2020](https://arxiv.org/abs/1708.04896)
    """

    def __init__(self, probability=0.5, area=(0.02, 0.33), aspect=(0.3, 3.3), value=None):
        self.probability = float(probability)
        self.area, self.aspect = check_range("area", area), check_range("aspect", aspect)
        self.value = value
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(
                f"`probability` must be in [0, 1]. Received: probability={probability}."
            )
        if self.area[0] <= 0.0 or self.area[1] > 1.0 or self.aspect[0] <= 0.0:
            raise ValueError(
                "`area` must be in (0, 1] and `aspect` positive. Received: "
                f"area={area}, aspect={aspect}."
            )

    def __call__(self, images, draw):
        """Erases in `images` `[tasks, examples, height, width, channels]`. See `Augmentation`."""
        examples, (height, width) = images.shape[1], images.shape[2:4]
        numbers = draw((examples, 5))
        area = height * width * _between(*self.area, numbers[..., 0])
        aspect = tf.exp(_between(*map(math.log, self.aspect), numbers[..., 1]))
        erased = numbers[..., 4] < self.probability
        rows = _span(tf.sqrt(area * aspect), height, numbers[..., 2])
        columns = _span(tf.sqrt(area / aspect), width, numbers[..., 3])
        inside = rows[..., :, None] & columns[..., None, :] & erased[..., None, None]
        filling = draw(tuple(images.shape[1:])) if self.value is None else self.value
        return tf.where(inside[..., None], tf.cast(filling, images.dtype), images)


def _between(low, high, number):
    return low + (high - low) * number


def _span(side, length, number):
    """Which of `length` places lie in a span of about `side` places, bool `[..., length]`."""
    side = tf.clip_by_value(tf.cast(tf.round(side), tf.int32), 1, length)
    start = below(number, length - side + 1)[..., None]
    places = tf.range(length)
    return (places >= start) & (places < start + side[..., None])
