"""Few-shot classification episodes from labelled arrays in memory."""

import numpy as np
import tensorflow as tf

from keras_meta.episodes.arguments import check_integer
from keras_meta.episodes.labelled_examples import LabelledExamples


class EpisodeSampler(LabelledExamples):
    """Few-shot classification tasks drawn from labelled examples in memory.

    An episode consists of `num_ways` classes and `num_shots + num_queries` different examples of
    each, drawn without replacement. The classes receive the labels `0, ..., num_ways - 1` in the
    order in which they were drawn, the same in support set and query set. Examples are arranged
    class by class: `support_y` is `[0, ..., 0, 1, ..., 1, ...]`.

    Args:
        x: Array with one example per row, or any nest of dicts and tuples of such arrays; texts are
            an array of `str`, `bytes` or Python strings. They are kept in memory once, in their own
            dtype. If the examples do not fit in memory, pass
            something by which `preprocess` finds them, such as file names: see `read_images`.
        y: One-dimensional array of labels, integers or strings, one per example.
        num_ways: Integer. Number of classes in an episode.
        num_shots: Integer. Number of support examples of each class.
        num_queries: Integer. Number of query examples of each class.
        seed: Integer. The stream of episodes is a function of it.
        preprocess: Function that takes a batch of examples, a nest of tensors `[examples, ...]`
            with the structure of `x`, and returns the features that the model takes. By default,
            `uint8` features are scaled to `float32` in `[0, 1]` and others are unchanged. The
            function runs in the dataset; to keep the stream reproducible it must not draw random
            numbers, as `augment` does.
        rotations: Boolean. Whether images rotated by 90, 180 and 270 degrees are additional
            classes, for four times as many classes in all. See `with_rotations`.
        augment: List of random changes of the preprocessed images, such as those of
            `episodes.augmentation`, or preprocessing layers of Keras; or a dict with a list for
            `"support"` and one for `"query"`. It is meant for training tasks; samplers for
            evaluation do without. See `episodes.augmentation.Augmentation`.

    Attributes:
        classes: Array of the class labels, sorted.
        num_classes: Integer.

    Raises:
        ValueError: If the numbers of examples and labels differ, there are too few for an episode,
            or a feature contains NaN or examples of different shapes.
        TypeError: If `x` is a list or a count is not an integer.

    Example:

    ```python
    import numpy as np
    from keras_meta import episodes

    x = np.zeros([60, 28, 28, 1], "uint8")
    y = np.repeat(["alpha", "beta", "gamma"], 20)
    sampler = episodes.EpisodeSampler(x, y, num_ways=2, num_shots=1, num_queries=15, seed=0)
    for inputs, query_y in sampler.as_dataset(batch_size=4, num_batches=1):
        print(inputs["support_x"].shape, query_y.shape)  # (4, 2, 28, 28, 1) (4, 30)
    ```

    Reference:
        Vinyals, Blundell, Lillicrap, Kavukcuoglu, Wierstra: "Matching Networks for One Shot
        Learning", NeurIPS 2016.
    """

    def __init__(
        self,
        x,
        y,
        num_ways,
        num_shots,
        num_queries,
        seed=0,
        preprocess=None,
        rotations=False,
        augment=None,
    ):
        super().__init__(x, y, seed, preprocess, rotations, augment)
        self.num_ways = check_integer("num_ways", num_ways, minimum=2)
        self.num_shots = check_integer("num_shots", num_shots, minimum=1)
        self.num_queries = check_integer("num_queries", num_queries, minimum=1)
        self._check_class_sizes()

    def describe(self, first_task, num_tasks):
        """Chooses the examples of consecutive episodes without reading the data.

        Args:
            first_task: Integer or scalar `int64` tensor. The number of the first episode.
            num_tasks: Python integer.

        Returns:
            An `EpisodeDescription`: `classes` `[tasks, ways]` and `examples`
            `[tasks, ways, shots + queries]`, support examples first.
        """
        keys_of_example = (self.num_ways, int(self._index.counts.max()))
        return self._index.draw(
            self.uniform(first_task, num_tasks, (self.num_classes,), stream=0),
            self.uniform(first_task, num_tasks, keys_of_example, stream=1),
            self.num_ways,
            self.num_shots + self.num_queries,
        )

    def sample(self, first_task, num_tasks):
        description = self.describe(first_task, num_tasks)
        support, query = tf.split(description.examples, [self.num_shots, self.num_queries], axis=2)
        inputs = {
            "support_x": self.examples("support", support, first_task),
            "support_y": self._labels(num_tasks, self.num_shots),
            "query_x": self.examples("query", query, first_task),
        }
        return inputs, self._labels(num_tasks, self.num_queries)

    def _labels(self, num_tasks, examples_per_class):
        labels = np.repeat(np.arange(self.num_ways, dtype="int32"), examples_per_class)
        return tf.constant(np.tile(labels, [num_tasks, 1]))

    def _check_class_sizes(self):
        if self.num_ways > self.num_classes:
            raise ValueError(
                "`num_ways` must not exceed the number of classes in `y`. "
                f"Received: num_ways={self.num_ways} with {self.num_classes} classes."
            )
        needed = self.num_shots + self.num_queries
        small = np.flatnonzero(self._index.counts < needed)
        if len(small):
            names = self.classes.tolist()
            named = ", ".join(f"{names[k]!r} ({self._index.counts[k]})" for k in small[:10])
            raise ValueError(
                f"Every class needs num_shots + num_queries = {self.num_shots} + "
                f"{self.num_queries} = {needed} examples. Received: {len(small)} of "
                f"{self.num_classes} classes with fewer: {named}{', ...' * (len(small) > 10)}. "
                "Add examples, lower `num_shots` or `num_queries`, or remove these classes."
            )
