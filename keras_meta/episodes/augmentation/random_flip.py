"""Random horizontal flips."""

import tensorflow as tf


class RandomFlip:
    """Mirrors every other image, at random, from left to right.

    Example:

    ```python
    import numpy as np
    from keras_meta import episodes

    x, y = np.ones((20, 32, 32, 3), "uint8"), np.repeat(range(4), 5)
    tasks = episodes.EpisodeSampler(x, y, 2, 1, 2, augment=[episodes.augmentation.RandomFlip()])
    ```
    """

    def __call__(self, images, draw):
        """Flips `images` `[tasks, examples, height, width, channels]`. See `Augmentation`."""
        columns = tf.range(images.shape[3])
        flips = draw((images.shape[1], 1)) < 0.5
        columns = tf.where(flips, columns[::-1], columns)
        return tf.gather(images, columns, axis=3, batch_dims=2)
