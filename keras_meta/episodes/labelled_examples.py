"""What all distributions of labelled examples share: the data, and reading them."""

import functools

import keras
import numpy as np
import tensorflow as tf

from keras_meta.episodes.augmentation import Augmentation
from keras_meta.episodes.class_index import ClassIndex
from keras_meta.episodes.images import scale_images
from keras_meta.episodes.rotations import with_rotations
from keras_meta.episodes.task_distribution import TaskDistribution


class LabelledExamples(TaskDistribution):
    """Base class of samplers of labelled examples, which are kept in memory and preprocessed.

    Args:
        x: See `EpisodeSampler`.
        y: See `EpisodeSampler`.
        seed: See `EpisodeSampler`.
        preprocess: See `EpisodeSampler`.
        rotations: See `EpisodeSampler`.
        augment: See `EpisodeSampler`.

    Attributes:
        x: Nest of tensors, the data.
        y: Array of labels.
        classes: Array of the class labels, sorted.
        num_classes: Integer.

    Raises:
        ValueError: See `EpisodeSampler`.
        TypeError: See `EpisodeSampler`.
    """

    def __init__(self, x, y, seed=0, preprocess=None, rotations=False, augment=None):
        super().__init__(seed)
        self.preprocess = scale_images if preprocess is None else preprocess
        self.rotations = rotations
        if rotations:
            x, y = with_rotations(x, y)
        self.y = np.asarray(y)
        self._index = ClassIndex(self.y)
        self.classes = self._index.classes
        self.num_classes = len(self.classes)
        self.x = _as_tensors(x, num_examples=len(self.y))
        self.augment = None if augment is None else Augmentation(augment, self._example_spec())

    def gather(self, examples):
        """Gathers and preprocesses the examples of each task.

        Args:
            examples: Integer tensor `[tasks, ...]` of rows of `x`.

        Returns:
            The nest of features, with shapes `[tasks, examples of a task, ...]`.
        """
        rows = tf.reshape(examples, [-1])
        features = keras.tree.map_structure(lambda feature: tf.gather(feature, rows), self.x)
        features = self.preprocess(features)
        leading = [examples.shape[0], examples.shape[1:].num_elements()]
        return keras.tree.map_structure(
            lambda feature: tf.reshape(feature, leading + feature.shape[1:]), features
        )

    def examples(self, part, rows, first_task):
        """Gathers, preprocesses and augments a part of consecutive tasks.

        Args:
            part: `"support"` or `"query"`.
            rows: Integer tensor `[tasks, ...]` of rows of `x`.
            first_task: Integer or scalar `int64` tensor. The number of the first task.

        Returns:
            The nest of features. See `gather`.
        """
        features = self.gather(rows)
        if self.augment is None:
            return features
        uniform = functools.partial(self.uniform, first_task, rows.shape[0])
        return self.augment(part, features, uniform)

    def _example_spec(self):
        """Returns the nest of `tf.TensorSpec` of a preprocessed example."""
        gather = tf.function(self.gather, autograph=False)
        traced = gather.get_concrete_function(tf.TensorSpec([1, 1], tf.int32))
        return keras.tree.map_structure(
            lambda x: tf.TensorSpec(x.shape[2:], x.dtype), traced.structured_outputs
        )


def _as_tensors(x, num_examples):
    """Copies the features to host tensors, which all datasets share without another copy."""
    if isinstance(x, list):
        raise TypeError(
            "`x` must be an array, or a dict or tuple of arrays. Received: a list. "
            "Pass `np.asarray(x)` if its items are examples, `tuple(x)` if they are features."
        )
    features = []
    for path, feature in keras.tree.flatten_with_path(x):
        name = "x" + "".join(f"[{key!r}]" for key in path)
        feature = np.asarray(feature)
        if feature.ndim == 0 or len(feature) != num_examples:
            raise ValueError(
                f"`x` and `y` must have the same number of examples. Received: {name} of shape "
                f"{feature.shape} and y of shape ({num_examples},)."
            )
        # The minimum is NaN if any value is, and takes no memory to compute.
        if feature.dtype.kind == "f" and feature.size and np.isnan(feature.min()):
            row = np.argwhere(np.isnan(feature))[0, 0]
            raise ValueError(
                f"`{name}` contains NaN. Received: NaN in row {row}. Remove these examples or fill "
                "in the missing values."
            )
        try:
            with tf.device("CPU:0"):
                features.append(tf.constant(feature))
        except (ValueError, TypeError) as error:
            raise ValueError(
                _fault_of_text(name, feature)
                or f"`{name}` cannot be converted to a tensor. Received: an array of dtype "
                f"{feature.dtype}. All examples must have the same shape, for example by padding, "
                "and the same dtype."
            ) from error
    return keras.tree.pack_sequence_as(x, features)


def _fault_of_text(name, feature):
    """Returns why an array with texts cannot be converted, or `None` if it has none."""
    values = feature.ravel().tolist()
    if not any(isinstance(value, (str, bytes)) for value in values):
        return None
    for position, value in enumerate(values):
        received = f"Received: {value!r} in row {position * len(feature) // len(values)}"
        if not isinstance(value, (str, bytes)):
            return (
                f"`{name}` contains text and other values. {received}. Remove these examples, or "
                "fill in what is missing."
            )
        if isinstance(value, str) and value.encode(errors="replace") != value.encode(
            errors="surrogatepass"
        ):
            return f"`{name}` contains text that UTF-8 cannot encode. {received}. Remove it."
    return None
