"""Regression tasks from a table: each group of rows is a task."""

import math
import warnings

import numpy as np
import tensorflow as tf

from keras_meta.episodes.arguments import check_integer
from keras_meta.episodes.grouped_table import too_small
from keras_meta.episodes.table_tensors import table_tensors
from keras_meta.episodes.task_distribution import TaskDistribution

# Rounds through all groups, each in another order, before the orders repeat.
_ROUNDS = 64
# Rows of a group among which an episode chooses at once.
_CANDIDATES = 256


class GroupedEpisodes(TaskDistribution):
    """Tasks of which each is a group of rows of a table, such as a person, a site or a sensor.

    With `n` the rows of a group, `[low, high]` the range of support sizes and `m` the most queries,

        support   k ~ U{low, ..., min(high, n - 1)}
        queries   q = min(m, n - k)

    Rows are drawn without replacement; if the table is ordered, they are a window of `k + q`
    consecutive rows, of which the first `k` are the support set. All groups have their turn before
    one has its second, in another order each time, so `num_groups` tasks are all groups once. Where
    tasks differ in size, masks mark their real rows; otherwise there are none. Groups of fewer than
    `low + 1` rows are left out, with a warning.

    Features keep their columns: a dict of float tensors and string tensors, which a network such as
    `networks.table_network` standardises and numbers. What their names may not contain is replaced:
    see `table_tensors.feature_name`.

    Args:
        table: A `GroupedTable` with targets.
        num_support: int, or pair `(low, high)`.
        num_queries: int. The largest number of queries.
        ordered: bool. Whether support rows come before query rows.
        from_start: bool. Whether windows of ordered rows start with the first row of a group, as
            for a user who is new, instead of anywhere.
        missing: `"error"` or `"mask"`, as the table was read: see `from_groups`.
        seed: int. The stream of episodes is a function of it.

    Attributes:
        table: The `GroupedTable`, without groups that are too small.
        dropped: dict, the name of each group that was too small to its number of rows.
        num_groups: int.
        largest: int. The number of rows of the largest group.
        varied: bool. Whether tasks differ in size, so that there are masks.

    Raises:
        ValueError: If no group is large enough, or an argument is out of range.

    Example:

    ```python
    import numpy as np
    from keras_meta import episodes

    plants = {"plant": np.repeat(["a", "b", "c"], 5), "day": np.tile(np.arange(5), 3)}
    plants["height"] = 2.0 * plants["day"] + np.repeat([1.0, 3.0, 9.0], 5)
    tasks = episodes.from_groups(plants, task="plant", x=["day"], y="height", num_support=(1, 3))
    for inputs, query_y in tasks.as_dataset(batch_size=2, num_batches=1):
        print(inputs["support_x"]["day"].shape, inputs["support_mask"].numpy().sum(1))
    ```
    """

    def __init__(
        self,
        table,
        num_support=5,
        num_queries=10,
        ordered=False,
        from_start=False,
        missing="error",
        seed=0,
    ):
        super().__init__(seed)
        self.num_support = _size_range(num_support)
        self.num_queries = check_integer("num_queries", num_queries, minimum=1)
        self.ordered = ordered
        self.from_start = from_start
        self.missing = missing
        if from_start and not ordered:
            raise ValueError("`from_start` is for tables with `order`. Received: order=None.")
        self.table, self.dropped = table.at_least(self.num_support[0] + 1)
        if self.dropped:
            warnings.warn(f"{too_small(self.dropped)} They are left out.", stacklevel=3)
        self.num_groups = len(self.table.names)
        self._settings = (num_support, num_queries, ordered, from_start, missing)
        sizes = self.table.sizes
        low, high = self.num_support
        self.largest = int(sizes.max())
        self.varied = low < high or int(sizes.min()) < high + self.num_queries
        # Eager tensors, which graphs refer to: as constants, each graph would hold a copy.
        self._sizes = tf.constant(sizes, tf.int32)
        self._starts = tf.constant(self.table.starts, tf.int64)
        self._y = tf.constant(self.table.y, tf.float32)
        self._features = table_tensors(self.table.x, missing == "mask")
        self._order, self._factors, self._shifts = _orders(self.num_groups, self.seed)

    def split(self, train=0.64, validation=0.16, test=0.2, seed=0):
        """Returns three `GroupedEpisodes`, of training, validation and test groups.

        Args:
            train: float. See `GroupedTable.split`.
            validation: float. See `GroupedTable.split`.
            test: float. See `GroupedTable.split`.
            seed: int. See `GroupedTable.split`.
        """
        parts = self.table.split(train, validation, test, seed)
        return tuple(
            GroupedEpisodes(part, *self._settings, seed=3 * self.seed + number)
            for number, part in enumerate(parts)
            if len(part.names)
        )

    def groups(self, first_task, num_tasks):
        """Returns the groups of consecutive tasks, an int64 tensor `[tasks]`."""
        tasks = tf.cast(first_task, tf.int64) + tf.range(num_tasks, dtype=tf.int64)
        number = tf.constant(self.num_groups, tf.int64)
        rounds, place = tasks // number % _ROUNDS, tasks % number
        # Multiplying by a number without a common divisor permutes the places.
        factor, shift = tf.gather(self._factors, rounds), tf.gather(self._shifts, rounds)
        return tf.gather(self._order, (factor * place + shift) % number)

    def sample(self, first_task, num_tasks):
        groups = self.groups(first_task, num_tasks)
        size = tf.gather(self._sizes, groups)
        low, high = self.num_support
        numbers = self.uniform(first_task, num_tasks, (2,), stream=0)
        support = low + _below(tf.minimum(high, size - 1) - low + 1, numbers[:, 0])
        query = tf.minimum(self.num_queries, size - support)
        if self.ordered:
            windows = 1 + 0 * size if self.from_start else 1 + size - support - query
            start = _below(windows, numbers[:, 1])
            places = start[:, None] + tf.range(high + self.num_queries)
        else:
            places = self._without_replacement(first_task, num_tasks, size)
        start = tf.gather(self._starts, groups)[:, None]

        def rows(first, count, most):
            taken = tf.minimum(first[:, None] + tf.range(most), places.shape[1] - 1)
            place = tf.gather(places, taken, batch_dims=1)
            mask = tf.range(most) < count[:, None]
            return start + tf.cast(tf.where(mask, place, 0), tf.int64), tf.cast(mask, tf.int32)

        support_rows, support_mask = rows(0 * support, support, high)
        query_rows, query_mask = rows(support, query, self.num_queries)
        support_x, support_y = self.examples(support_rows)
        query_x, query_y = self.examples(query_rows)
        inputs = {"support_x": support_x, "support_y": support_y, "query_x": query_x}
        if self.varied:
            inputs |= {"support_mask": support_mask, "query_mask": query_mask}
        return inputs, query_y

    def examples(self, rows):
        """Returns rows of the table as examples.

        Args:
            rows: Integer tensor `[...]`.

        Returns:
            Tuple of the features, a dict of tensors `[...]`, and the values `[..., 1]`.
        """
        x = {name: column.gather(rows) for name, column in self._features.items()}
        return x, tf.gather(self._y, rows)[..., None]

    def _without_replacement(self, first_task, num_tasks, size):
        """Draws different rows of each group, in random order.

        Args:
            first_task: See `sample`.
            num_tasks: See `sample`.
            size: int tensor `[tasks]`, the sizes of the groups.

        Returns:
            int32 tensor `[tasks, rows]`, of which the first `size` are valid.
        """
        wanted, largest = self.num_support[1] + self.num_queries, self.largest
        count = min(largest, max(_CANDIDATES, 4 * wanted))
        places = tf.range(count) + 0 * size[:, None]
        exists = places < size[:, None]
        if largest > count:
            # Of a larger group, candidates are drawn with replacement, and repeated ones left out:
            # at least half of them are different, four times as many as are needed.
            drawn = _below(size[:, None], self.uniform(first_task, num_tasks, (count,), stream=2))
            places = tf.sort(tf.where(size[:, None] > count, drawn, places), 1)
            repeated = tf.pad(places[:, 1:] == places[:, :-1], [[0, 0], [1, 0]])
            exists = (places < size[:, None]) & ~repeated
        keys = tf.where(exists, self.uniform(first_task, num_tasks, (count,), stream=1), -1.0)
        chosen = tf.math.top_k(keys, min(wanted, count)).indices
        return tf.gather(places, chosen, batch_dims=1)


def _size_range(num_support):
    low, high = num_support if isinstance(num_support, (tuple, list)) else (num_support,) * 2
    low, high = (check_integer("num_support", size, minimum=1) for size in (low, high))
    if low > high:
        raise ValueError(
            "`num_support` must be an integer or a pair (low, high) with low <= high. "
            f"Received: num_support={num_support}."
        )
    return low, high


def _orders(num_groups, seed):
    """Returns a random order of the groups, and the factors and shifts that change it."""
    random = np.random.default_rng([seed % 2**64, num_groups])
    candidates = random.integers(1, max(num_groups, 2), 64 * _ROUNDS)
    prime = [int(factor) for factor in candidates if math.gcd(int(factor), num_groups) == 1]
    factors = [1, *prime] * _ROUNDS
    return (
        tf.constant(random.permutation(num_groups), tf.int64),
        tf.constant(factors[:_ROUNDS], tf.int64),
        tf.constant(random.integers(0, num_groups, _ROUNDS), tf.int64),
    )


def _below(limit, uniform):
    """Integers below `limit`, from uniform numbers in `[0, 1)`."""
    drawn = tf.cast(uniform * tf.cast(limit, tf.float32), tf.int32)
    return tf.minimum(drawn, limit - 1)  # float32 may round up to the limit
