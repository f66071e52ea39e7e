"""An index of the examples of each class, and the sampling of episodes from it."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf


class EpisodeDescription(NamedTuple):
    """The numbers of the classes and examples in a batch of episodes.

    Attributes:
        classes: Integer tensor `[tasks, ways]`: positions in `ClassIndex.classes`. The label of a
            class in its episode is its position along axis 1.
        examples: Integer tensor `[tasks, ways, examples]`: rows of the data. A task has no row
            twice.
    """

    classes: tf.Tensor
    examples: tf.Tensor


class ClassIndex:
    """The rows of each class, for classes of any size.

    All rows are stored in one list, sorted by class, with the position at which each class starts.
    The memory this takes is proportional to the number of examples, not to that of the largest
    class.

    Args:
        y: One-dimensional array of labels: integers, strings or anything that NumPy can sort.

    Attributes:
        classes: Array of the distinct labels, sorted.
        counts: Array of the number of examples of each class.

    Raises:
        ValueError: If `y` is not one-dimensional, is empty or contains NaN.

    Example:

    ```python
    from keras_meta.episodes.class_index import ClassIndex

    index = ClassIndex(["cat", "dog", "cat"])
    print(index.classes, index.counts)  # ['cat' 'dog'] [2 1]
    ```
    """

    def __init__(self, y):
        y = np.asarray(y)
        if y.ndim != 1 or not len(y):
            raise ValueError(
                "`y` must be one-dimensional, with one label per example. Convert one-hot labels "
                f"with `y.argmax(axis=-1)`. Received: y of shape {y.shape}."
            )
        if y.dtype.kind == "f" and np.isnan(y).any():
            raise ValueError(f"`y` contains NaN. Received: NaN in row {np.isnan(y).argmax()}.")
        self.classes, class_of_row, self.counts = np.unique(
            y, return_inverse=True, return_counts=True
        )
        self._rows = np.argsort(class_of_row, kind="stable")
        self._offsets = np.cumsum(self.counts) - self.counts

    def draw(self, class_keys, example_keys, num_ways, num_examples):
        """Turns random numbers into episodes, by sampling without replacement.

        An episode consists of the `num_ways` classes with the largest keys, in descending order,
        and of the `num_examples` examples with the largest keys in each class. If the keys are
        independent and uniform, every ordered choice has the same probability.

        Args:
            class_keys: Tensor `[tasks, classes]` of numbers in `[0, 1)`.
            example_keys: Tensor `[tasks, ways, max(counts)]` of numbers in `[0, 1)`.
            num_ways: Integer. Number of classes in an episode.
            num_examples: Integer. Number of examples of each class. Of a class with fewer, the
                first `count` examples are valid and the rest are rows of other classes, which the
                caller must ignore.

        Returns:
            An `EpisodeDescription`.
        """
        classes = tf.math.top_k(class_keys, num_ways).indices
        if self.counts.min() < self.counts.max():
            # Every real key is at least 0, so positions beyond the end of a class come last.
            size = tf.gather(tf.constant(self.counts, tf.int32), classes)
            exists = tf.range(self.counts.max(), dtype=tf.int32) < size[..., None]
            example_keys = tf.where(exists, example_keys, -1.0)
        within_class = tf.math.top_k(example_keys, num_examples).indices
        offset = tf.gather(tf.constant(self._offsets, tf.int32), classes)
        # A class with too few examples would otherwise index past the end of the data.
        position = tf.minimum(offset[..., None] + within_class, len(self._rows) - 1)
        examples = tf.gather(tf.constant(self._rows, tf.int32), position)
        return EpisodeDescription(classes, examples)
