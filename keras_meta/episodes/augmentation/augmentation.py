"""What a sampler does to the images of its tasks."""

import functools
import itertools

import keras
import tensorflow as tf

from keras_meta.episodes.augmentation.keras_layer import KerasLayer

_PARTS = ("support", "query")
# The streams below belong to the choice of classes and examples.
_FIRST_STREAM = 16


class Augmentation:
    """A sequence of random changes of the images of a task.

    `EpisodeSampler` makes it of its argument `augment`. A change is a callable

        change(images, draw) -> images

    of images `[tasks, examples, height, width, channels]` in `[0, 1]`, that takes its random
    numbers from `draw(shape)`: a float32 tensor `[tasks, *shape]`, uniform in `[0, 1)`,
    which is a function of the sampler's seed and the number of the task alone. So what an image
    becomes depends neither on the batch nor on devices, and a resumed run sees the same.

    Args:
        changes: List of callables as above or preprocessing layers of Keras, in the order in which
            they are applied; or a dict with such a list for `"support"` and one for `"query"`. With
            one list for both, support set and queries are changed independently.
        spec: `tf.TensorSpec` of an image.

    Raises:
        TypeError: If `changes` is none of these.
        ValueError: If examples are not images, or a layer draws numbers that its seed does not
            determine.

    Example:

    ```python
    import numpy as np
    import tensorflow as tf
    from keras_meta import episodes
    from keras_meta.episodes.augmentation import ColorJitter, RandomCrop, RandomFlip

    def invert_some(images, draw):
        inverted = draw((images.shape[1], 1, 1, 1)) < 0.1
        return tf.where(inverted, 1.0 - images, images)

    x, y = np.ones((20, 32, 32, 3), "uint8"), np.repeat(range(4), 5)
    changes = [RandomCrop(4), ColorJitter(), RandomFlip(), invert_some]
    train = episodes.EpisodeSampler(x, y, 2, 1, 2, augment=changes)
    ```
    """

    def __init__(self, changes, spec):
        if not isinstance(changes, dict):
            changes = dict.fromkeys(_PARTS, changes)
        if set(changes) != set(_PARTS) or not all(
            isinstance(change, (list, tuple)) and all(map(callable, change))
            for change in changes.values()
        ):
            raise TypeError(
                "`augment` must be a list of callables or preprocessing layers, or a dict with one "
                f"for each of {list(_PARTS)}. Received: augment={changes!r}."
            )
        if (
            not isinstance(spec, tf.TensorSpec)
            or spec.shape.rank != 3
            or not spec.dtype.is_floating
        ):
            raise ValueError(
                "Only examples that are images, [height, width, channels] in floating point after "
                f"`preprocess`, can be augmented. Received: examples {spec}."
            )
        as_change = functools.cache(functools.partial(_as_change, shape=spec.shape))
        self.changes = {part: [as_change(c) for c in changes[part]] for part in _PARTS}

    def __call__(self, part, images, uniform):
        """Changes the images of consecutive tasks.

        Args:
            part: `"support"` or `"query"`.
            images: Tensor `[tasks, examples, height, width, channels]`.
            uniform: Callable, `(shape, stream) -> float32 [tasks, *shape]`: the numbers of these
                tasks. See `TaskDistribution.uniform`.

        Returns:
            Tensor `[tasks, examples, new height, new width, channels]`.
        """
        # Every call of `draw` has a stream of its own: even ones for the support set.
        streams = itertools.count(_FIRST_STREAM + _PARTS.index(part), len(_PARTS))
        for change in self.changes[part]:
            images = change(images, lambda shape: uniform(shape, stream=next(streams)))
        return images


def _as_change(change, shape):
    return KerasLayer(change, shape) if isinstance(change, keras.layers.Layer) else change
