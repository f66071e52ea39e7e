"""Ordinary batches of labelled examples, for training a classifier of all classes."""

import keras
import numpy as np
import tensorflow as tf

from keras_meta.episodes.labelled_examples import LabelledExamples


class ExampleSampler(LabelledExamples):
    """Batches `(x, y)` of examples of all classes, in a new random order in each pass.

    It is for pre-training an embedding as a classifier, before or instead of training it on
    episodes. Like the episodes of an `EpisodeSampler`, example `t` of the stream is a function of
    `(seed, t)`, augmentation included: `as_dataset(batch_size, start=step)` resumes a run exactly.
    A pass over `n` examples takes `n / batch_size` steps.

    Args:
        x: See `EpisodeSampler`.
        y: See `EpisodeSampler`.
        seed: Integer. The stream is a function of it.
        preprocess: See `EpisodeSampler`.
        rotations: See `EpisodeSampler`.
        augment: See `EpisodeSampler`; a list.

    Attributes:
        classes: Array of the class labels, sorted. Class `k` has the label `k`.
        num_classes: Integer.

    Raises:
        ValueError: See `EpisodeSampler`.
        TypeError: See `EpisodeSampler`.

    Example:

    ```python
    import keras
    import numpy as np
    import keras_meta
    from keras_meta import episodes

    x, y = np.zeros((40, 16, 16, 3), "uint8"), np.repeat(["cat", "dog"], 20)
    flip = episodes.augmentation.RandomFlip()
    examples = episodes.ExampleSampler(x, y, seed=0, augment=[flip])
    body = keras_meta.networks.Conv4(input_shape=(16, 16, 3), filters=4, pooling="max")
    learner = keras_meta.learners.Baseline(body)
    classifier = learner.pretraining_model(examples.num_classes)
    classifier.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    classifier.fit(examples.as_dataset(8), steps_per_epoch=5, shuffle=False, verbose=0)
    ```
    """

    def __init__(self, x, y, seed=0, preprocess=None, rotations=False, augment=None):
        super().__init__(x, y, seed, preprocess, rotations, augment)
        self._labels = np.searchsorted(self.classes, self.y).astype("int32")

    def sample(self, first_task, num_tasks):
        """Draws consecutive examples of the stream.

        Args:
            first_task: Integer or scalar `int64` tensor. The number of the first example.
            num_tasks: Python integer. The number of examples.

        Returns:
            `(x, y)`, features and labels of `num_tasks` examples.
        """
        rows = self._rows(tf.cast(first_task, tf.int64) + tf.range(num_tasks, dtype=tf.int64))
        # For `examples`, each is the only one of its task.
        features = self.examples("support", rows[:, None], first_task)
        x = keras.tree.map_structure(lambda feature: feature[:, 0], features)
        return x, tf.gather(tf.constant(self._labels), rows)

    def _rows(self, numbers):
        """Returns the rows of examples of the stream: each pass has a permutation of its own."""
        size = len(self.y)
        seeds = tf.stack(
            [
                tf.fill(tf.shape(numbers), tf.constant(self.seed, tf.int64)),
                numbers // size,
                tf.zeros_like(numbers),
            ],
            axis=1,
        )
        return tf.raw_ops.RandomIndexShuffle(index=numbers % size, seed=seeds, max_index=size - 1)
