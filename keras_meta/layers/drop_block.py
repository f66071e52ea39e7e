"""Dropout of blocks of feature maps."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("keras_meta")
class DropBlock(keras.layers.Layer):
    """In training, sets square blocks of feature maps to zero.

    Neighbouring features are alike, so that dropping single ones removes little. Each place from
    which a block of size `b` fits into a map of `h` by `w` is the corner of a dropped block with
    probability

        rate / b^2  h w / ((h - b + 1) (w - b + 1))

    so that about `rate` of all features are dropped. The others are scaled up by the number of
    features over that of those kept, in each example by itself.

    The rate in effect is a weight that is not trained, `current_rate`: initially the given one.
    `callbacks.DropBlockSchedule` lets it grow from 0 to that.

    Args:
        rate: float in `[0, 1)`. Share of features to drop.
        block_size: int. Side `b` of a block, cut to the sides of the map.
        seed: int or `None`. Seed of the layer's random generator; inside a learner, each task has a
            seed of its own.
        **kwargs: Passed to `keras.layers.Layer`.

    Raises:
        ValueError: If `rate` or `block_size` is out of range.

    Example:

    ```python
    import numpy as np
    from keras_meta.layers import DropBlock

    maps = np.ones((2, 10, 10, 8), "float32")
    layer = DropBlock(rate=0.2, block_size=3, seed=0)
    assert np.all(layer(maps) == maps)
    assert np.mean(layer(maps, training=True) == 0.0) > 0.1
    ```

    Reference:
        [Ghiasi et al., 2018](https://arxiv.org/abs/1810.12890)
    """

    def __init__(self, rate=0.1, block_size=5, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"`rate` must be in [0, 1). Received: rate={rate}.")
        if block_size < 1:
            raise ValueError(f"`block_size` must be at least 1. Received: block_size={block_size}.")
        self.rate = rate
        self.block_size = block_size
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        del input_shape
        self.current_rate = self.add_weight(
            name="current_rate",
            shape=(),
            initializer=keras.initializers.Constant(self.rate),
            trainable=False,
            dtype="float32",
            autocast=False,
        )

    def call(self, inputs, training=False):
        """Drops blocks of `inputs` `[n, height, width, channels]`, if `training`."""
        if not training:
            return inputs
        kept = self._kept(tf.shape(inputs)[0], *inputs.shape[1:])
        features = kept.shape[1:].num_elements()
        # An example of which nothing is kept stays zero.
        scale = tf.math.divide_no_nan(float(features), tf.reduce_sum(kept, [1, 2, 3], True))
        return inputs * tf.cast(kept * scale, inputs.dtype)

    def _kept(self, examples, height, width, channels):
        """Draws which features to keep: 1 or 0, float32 `[examples, height, width, channels]`."""
        block = [min(self.block_size, side) for side in (height, width)]
        rows, columns = height - block[0] + 1, width - block[1] + 1
        per_block = height * width / (block[0] * block[1] * rows * columns)
        numbers = keras.random.uniform(
            (examples, rows, columns, channels), dtype="float32", seed=self.generator
        )
        corners = tf.cast(numbers < tf.convert_to_tensor(self.current_rate) * per_block, tf.float32)
        # A feature is dropped if one of the places up to a block before it is a corner.
        borders = [[side - 1, side - 1] for side in block]
        corners = tf.pad(corners, [[0, 0], *borders, [0, 0]])
        return 1.0 - tf.nn.max_pool2d(corners, block, 1, "VALID")

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "rate": self.rate,
            "block_size": self.block_size,
            "seed": self.seed,
        }
