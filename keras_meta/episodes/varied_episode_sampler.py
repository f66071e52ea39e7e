"""Few-shot classification episodes of variable way and shot, from classes of different sizes."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_meta.episodes.arguments import check_integer
from keras_meta.episodes.episode_sampler import EpisodeSampler


class EpisodeShape(NamedTuple):
    """The numbers of ways, shots and queries of a batch of episodes.

    Attributes:
        num_ways: Integer tensor `[tasks]`.
        num_shots: Integer tensor `[tasks, max_ways]`: shots of each class, 0 for those beyond
            `num_ways`.
        num_queries: Integer tensor `[tasks]`: queries of each class.
    """

    num_ways: tf.Tensor
    num_shots: tf.Tensor
    num_queries: tf.Tensor


class VariedEpisodeSampler(EpisodeSampler):
    """Few-shot classification tasks of variable way and unbalanced shots, from labelled examples.

    With `|c|` the number of examples of class `c`, and independent uniform `b` and `a_c`,

        ways        N ~ U{min_ways, ..., max_ways}
        queries     q = min(max_queries, min_c floor(|c| / 2)), of every class alike
        support     |S| = min(max_support, sum_c ceil(b min(max_shots, |c| - q))),  b ~ U(0, 1]
        shots       k_c = min(floor(R_c (|S| - N)) + 1, |c| - q),
                    R_c = e^{a_c} |c| / sum_c' e^{a_c'} |c'|,  a_c ~ U[-log 2, log 2)

    where no `k_c` exceeds `max_shots`. Tasks are padded to the same size; `support_mask` and
    `query_mask` among the inputs mark the real examples.

    Args:
        x: See `EpisodeSampler`.
        y: See `EpisodeSampler`.
        min_ways: Integer. Minimum number of classes in an episode.
        max_ways: Integer. Maximum number of classes in an episode.
        max_queries: Integer. Maximum number of query examples of a class.
        max_shots: Integer. Maximum number of support examples of a class.
        max_support: Integer. Maximum number of support examples in an episode. Batches are padded
            to this number, or to `max_ways * max_shots` if that is less.
        seed: See `EpisodeSampler`.
        preprocess: See `EpisodeSampler`.
        rotations: See `EpisodeSampler`.
        augment: See `EpisodeSampler`.

    Raises:
        ValueError: If a class has fewer than two examples, or an argument is out of range.

    Example:

    ```python
    import numpy as np
    from keras_meta import episodes

    y = np.repeat(["alpha", "beta", "gamma"], [4, 20, 50])
    x = np.zeros([len(y), 28, 28, 1], "uint8")
    sampler = episodes.VariedEpisodeSampler(x, y, min_ways=2, max_ways=3, max_shots=10)
    for inputs, query_y in sampler.as_dataset(batch_size=4, num_batches=1):
        print(inputs["support_x"].shape, inputs["support_mask"].numpy().sum(1))
    ```

    Reference:
        [Triantafillou et al., 2020](https://arxiv.org/abs/1903.03096)
    """

    def __init__(
        self,
        x,
        y,
        min_ways=5,
        max_ways=50,
        max_queries=10,
        max_shots=100,
        max_support=500,
        seed=0,
        preprocess=None,
        rotations=False,
        augment=None,
    ):
        super().__init__(x, y, max_ways, 1, 1, seed, preprocess, rotations, augment)
        self.min_ways = check_integer("min_ways", min_ways, minimum=2)
        self.max_queries = check_integer("max_queries", max_queries, minimum=1)
        self.max_shots = check_integer("max_shots", max_shots, minimum=1)
        self.max_support = min(
            check_integer("max_support", max_support, minimum=max_ways), max_ways * max_shots
        )
        if min_ways > max_ways:
            raise ValueError(
                "`min_ways` must not exceed `max_ways`. "
                f"Received: min_ways={min_ways}, max_ways={max_ways}."
            )

    def draw_shape(self, first_task, num_tasks, classes):
        """Draws the numbers of ways, shots and queries of consecutive episodes.

        Args:
            first_task: Integer or scalar `int64` tensor. The number of the first episode.
            num_tasks: Python integer.
            classes: Integer tensor `[tasks, max_ways]`. An episode has the first `num_ways` of its
                row.

        Returns:
            An `EpisodeShape`.
        """
        numbers = self.uniform(first_task, num_tasks, (2 + self.num_ways,), stream=2)
        choices = self.num_ways - self.min_ways + 1
        num_ways = self.min_ways + tf.cast(numbers[:, 0] * choices, tf.int32)
        enters = tf.range(self.num_ways) < num_ways[:, None]
        size = tf.gather(tf.constant(self._index.counts, tf.int32), classes)
        smallest = tf.reduce_min(tf.where(enters, size, tf.int32.max), 1)
        num_queries = tf.minimum(self.max_queries, smallest // 2)

        left = tf.where(enters, size - num_queries[:, None], 0)
        fraction = 1.0 - numbers[:, 1, None]
        wanted = tf.math.ceil(fraction * tf.cast(tf.minimum(self.max_shots, left), "float32"))
        support = tf.minimum(float(self.max_support), tf.reduce_sum(wanted, 1))

        noise = np.log(2.0) * (2.0 * numbers[:, 2:] - 1.0)
        share = tf.where(enters, tf.exp(noise) * tf.cast(size, "float32"), 0.0)
        share /= tf.reduce_sum(share, 1, keepdims=True)
        spare = support - tf.cast(num_ways, "float32")
        num_shots = 1 + tf.cast(share * spare[:, None], tf.int32)
        num_shots = tf.minimum(num_shots, tf.minimum(left, self.max_shots))
        return EpisodeShape(num_ways, tf.where(enters, num_shots, 0), num_queries)

    def sample(self, first_task, num_tasks):
        most = min(self.max_shots + self.max_queries, int(self._index.counts.max()))
        classes, rows = self._index.draw(
            self.uniform(first_task, num_tasks, (self.num_classes,), stream=0),
            self.uniform(
                first_task, num_tasks, (self.num_ways, int(self._index.counts.max())), stream=1
            ),
            self.num_ways,
            most,
        )
        shape = self.draw_shape(first_task, num_tasks, classes)
        # The first examples of each class are queries, the next ones are support examples.
        position = tf.range(most)
        queries = shape.num_queries[:, None, None]
        is_query = (position < queries) & (shape.num_shots[..., None] > 0)
        is_support = (position >= queries) & (position < queries + shape.num_shots[..., None])
        support, support_y, support_mask = self._padded(rows, is_support, self.max_support)
        query, query_y, query_mask = self._padded(rows, is_query, self.num_ways * self.max_queries)
        inputs = {
            "support_x": self.examples("support", support, first_task),
            "support_y": support_y,
            "support_mask": support_mask,
            "query_x": self.examples("query", query, first_task),
            "query_mask": query_mask,
        }
        return inputs, query_y

    def _padded(self, rows, chosen, length):
        """Returns rows of `x`, labels and mask `[tasks, length]` of the chosen examples.

        Args:
            rows: Integer tensor `[tasks, ways, examples]` of rows of `x`.
            chosen: bool tensor `[tasks, ways, examples]`.
            length: Integer. The number of examples to pad each task to.
        """
        num_tasks = rows.shape[0]
        length = min(length, rows.shape[1] * rows.shape[2])
        chosen = tf.reshape(chosen, [num_tasks, -1])
        order = tf.argsort(tf.cast(chosen, tf.int32), 1, "DESCENDING", stable=True)[:, :length]
        mask = tf.gather(chosen, order, batch_dims=1)
        labels = tf.where(mask, order // rows.shape[2], 0)
        examples = tf.gather(tf.reshape(rows, [num_tasks, -1]), order, batch_dims=1)
        # Not bool: under a distribution strategy, Keras traces with inputs summed over replicas.
        return tf.where(mask, examples, 0), labels, tf.cast(mask, tf.int32)
