"""Preprocessing layers of Keras, as functions of a seed."""

import keras
import numpy as np
import tensorflow as tf

from keras_meta.exact import private
from keras_meta.inner_loop.random_numbers import below

# A float32 in [0, 1) tells so many numbers apart.
_SEEDS = 2**23
# Images in a trial.
_TRIED = 8


class KerasLayer:
    """Applies a preprocessing layer of Keras, with a seed from the number of the task.

    Layers of Keras draw from generators whose state changes with each call. Here the state is an
    argument of the call, so that what an image becomes depends on the seed, its task and its place
    in the task, and on nothing before.

    Args:
        layer: A `keras.layers.Layer` whose only variables are states of random generators. One that
            asks for the range of values needs `value_range=(0, 1)`.
        shape: Tuple, the shape of an image that the layer is tried on.

    Raises:
        ValueError: If the layer expects values beyond `[0, 1]`, has weights, draws random numbers
            in other ways, mixes images, or cannot be applied to such images.

    Example:

    ```python
    import keras
    import numpy as np
    from keras_meta import episodes

    x, y = np.ones((20, 32, 32, 3), "uint8"), np.repeat(range(4), 5)
    turn = keras.layers.RandomRotation(0.1)
    tasks = episodes.EpisodeSampler(x, y, 2, 1, 2, augment=[turn])
    ```
    """

    def __init__(self, layer, shape):
        self.layer = layer
        self._check(shape)

    def __call__(self, images, draw):
        """Changes `images` `[tasks, examples, height, width, channels]`. See `Augmentation`."""
        of_task = tf.TensorSpec(images.shape[1:], images.dtype)
        traced = tf.function(self._apply, autograph=False).get_concrete_function(
            of_task, tf.TensorSpec([2], tf.int32)
        )
        output = traced.structured_outputs
        return tf.map_fn(
            lambda task: self._apply(*task),
            (images, below(draw((2,)), _SEEDS)),
            fn_output_signature=tf.TensorSpec(output.shape, output.dtype),
        )

    def _apply(self, images, seed):
        """Changes the images of one task `[examples, ...]`."""
        states = [v for v in self.layer.variables if private.is_seed_state(v)]
        seeds = [(v, tf.stack([seed[0] + i, seed[1]])) for i, v in enumerate(states)]
        with keras.StatelessScope(state_mapping=seeds):
            return self.layer(images, training=True)

    def _check(self, shape):
        for layer in [self.layer, *private.sublayers(self.layer)]:
            values = layer.get_config().get("value_range")
            if values is not None and tuple(values) != (0, 1):
                raise ValueError(
                    "Images are in [0, 1] when they are augmented: pass value_range=(0, 1). "
                    f"Received: layer {layer.name!r} of type {type(layer).__name__} with "
                    f"value_range={tuple(values)}."
                )
        images = np.random.default_rng(0).random((2 * _TRIED, *shape)).astype("float32")
        seed = tf.constant([3, 7])

        def run(images):
            return traced(tf.constant(images), seed).numpy()

        try:
            traced = tf.function(self._apply, autograph=False)
            results = [run(images[:_TRIED]), run(images[:_TRIED])]
            # The same first image, but others beside it.
            beside = run(np.concatenate([images[:1], images[_TRIED + 1 :]]))
            # A layer may draw while it is traced, and then never again.
            traced = tf.function(self._apply, autograph=False)
            results.append(run(images[:_TRIED]))
        except (TypeError, ValueError, tf.errors.OpError) as error:
            raise ValueError(
                f"The layer cannot be applied to images of shape {tuple(shape)}. {self._received()}"
                f", which raised: {error}"
            ) from error
        weights = [v.path for v in self.layer.variables if not private.is_seed_state(v)]
        if weights:
            raise ValueError(
                "A layer for augmentation must have no weights: make it a part of the model, or of "
                f"`preprocess`. {self._received()} with {weights}."
            )
        if not all(np.array_equal(results[0], result) for result in results[1:]):
            raise ValueError(
                "A layer for augmentation must draw its random numbers from "
                "`keras.random.SeedGenerator`s, so that a run can be repeated and resumed. "
                f"{self._received()}, which gives different images for the same seed."
            )
        if not np.array_equal(results[0][0], beside[0]):
            raise ValueError(
                "A layer for augmentation must change each image on its own, because labels stay "
                f"as they are. {self._received()}, which mixes images."
            )

    def _received(self):
        return f"Received: layer {self.layer.name!r} of type {type(self.layer).__name__}"
