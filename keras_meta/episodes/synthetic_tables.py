"""Tables drawn from random structural causal models, as tasks."""

import numpy as np
import tensorflow as tf

from keras_meta.episodes.arguments import check_integer
from keras_meta.episodes.table_prior.causal_model import causal_model
from keras_meta.episodes.table_prior.columns import observe
from keras_meta.episodes.table_prior.functions import generator, standardize
from keras_meta.episodes.table_prior.signal import signal
from keras_meta.episodes.table_prior.targets import classes, numbers
from keras_meta.episodes.task_distribution import TaskDistribution

# Most tables of which columns explain less, see `signal`, are drawn anew: nothing is learned from
# them but that some tables are noise.
_LEAST_SIGNAL = 0.06


def synthetic_table(seed, task, num_rows, num_support, num_columns, num_classes=None, shares=None):
    """Draws one table, a function of `(seed, task)` and of its size.

    Columns and target are variables of a random structural causal model. In half of the tables,
    columns are root causes; in the others, any variables, of which the target may be a cause. In
    nine of ten tables, the columns are known to say something about the target.

    Args:
        seed: int.
        task: int.
        num_rows: int.
        num_support: int. The first rows, in which every class occurs.
        num_columns: int.
        num_classes: int, the most classes; `None` for a number as target.
        shares: See `causal_model`.

    Returns:
        Triple of the table, float32 `[rows, columns]`, NaN where a value is missing; the target
        `[rows]`, float32 or int32; and bools `[columns]`, which columns are categories.
    """
    random = generator(seed, task)
    least = _LEAST_SIGNAL if random.random() < 0.9 else -np.inf
    while True:
        variables, effects, clusters = _variables(random, num_rows, num_columns, shares)
        if num_classes is None:
            y = numbers(random, effects).astype("float32")
            targets = y[:, None]
        else:
            y = classes(random, effects, clusters, num_classes).astype("int32")
            order = _each_class_first(y, num_support)
            variables, y = variables[order], y[order]
            targets = np.eye(num_classes)[y]
        if not (np.isfinite(targets).all() and targets[:num_support].std(0).max() > 1e-6):
            continue
        x, categories = observe(random, variables)
        if least == -np.inf or signal(random, x, standardize(targets)) > least:
            return x, y, categories
        least -= 0.01


def _variables(random, num_rows, num_columns, shares):
    """Draws the variables that become columns, those of which one is predicted, and clusters."""
    layers, clusters = causal_model(random, num_rows, num_columns, shares)
    effects = layers[random.integers(1, len(layers))]
    causes = layers[0] if random.random() < 0.5 else np.concatenate(layers, 1)
    chosen = random.permutation(max(causes.shape[1], num_columns))[:num_columns]
    variables = random.standard_normal((num_rows, num_columns))
    real = chosen < causes.shape[1]
    variables[:, real] = causes[:, chosen[real]]
    return variables, effects, clusters


def _each_class_first(y, num_support):
    """Returns an order of the rows in which every class occurs among the first ones."""
    _, first = np.unique(y, return_index=True)
    late = first[first >= num_support]
    order = np.arange(len(y))
    # Rows of which nothing else is needed: not the first of their class.
    free = np.setdiff1d(np.arange(num_support), first)[: len(late)]
    late = late[: len(free)]
    order[free], order[late] = late, free
    return order


def synthetic_tables(seed, first_task, num_tasks, num_rows, num_support, num_columns, **kwargs):
    """Draws consecutive tables of one size. See `synthetic_table`.

    Returns:
        Arrays `(x, y, categories)` of shapes `[tasks, rows, columns]`, `[tasks, rows]` and
        `[tasks, columns]`.
    """
    tables = [
        synthetic_table(seed, task, num_rows, num_support, num_columns, **kwargs)
        for task in range(first_task, first_task + num_tasks)
    ]
    return tuple(np.stack(parts) for parts in zip(*tables, strict=True))


class SyntheticTables(TaskDistribution):
    """Prediction in tables, each task a table drawn from a random structural causal model.

    The mechanisms are linear functions, layers of networks, decision trees, draws like those of
    Gaussian processes, and products. Causes may come in clusters. Columns are warped, rounded, made
    categories or detached from the rest; classes may be of unequal frequency, labels noisy.

    Args:
        num_support: Integer. Number of support rows.
        num_queries: Integer. Number of query rows.
        num_columns: Integer.
        num_classes: Integer, the most classes of a task, or `None` for a number to predict.
        seed: Integer. The stream of tables is a function of it.
        shares: dict, name of a mechanism to how often it is drawn. Defaults to
            `table_prior.causal_model.SHARES`.

    Example:

    ```python
    from keras_meta import episodes

    tables = episodes.SyntheticTables(num_support=20, num_queries=5, num_columns=4, num_classes=3)
    for inputs, query_y in tables.as_dataset(batch_size=2, num_batches=1):
        print(inputs["support_x"].shape, query_y.shape)  # (2, 20, 4) (2, 5)
    ```

    Reference:
        [Hollmann et al., 2023](https://arxiv.org/abs/2207.01848)
    """

    def __init__(
        self, num_support=64, num_queries=32, num_columns=8, num_classes=10, seed=0, shares=None
    ):
        super().__init__(seed)
        self.num_support = check_integer("num_support", num_support, minimum=10)
        self.num_queries = check_integer("num_queries", num_queries, minimum=1)
        self.num_columns = check_integer("num_columns", num_columns, minimum=1)
        if num_classes is not None:
            num_classes = check_integer("num_classes", num_classes, minimum=2)
        self.num_classes, self.shares = num_classes, shares

    def sample(self, first_task, num_tasks):
        """Draws the tables `first_task, ...`. See `TaskDistribution`.

        The inputs also have `"categories"`, bools `[tasks, columns]`.
        """
        rows = self.num_support + self.num_queries

        def draw(first):
            return synthetic_tables(
                self.seed,
                int(first),
                num_tasks,
                rows,
                self.num_support,
                self.num_columns,
                num_classes=self.num_classes,
                shares=self.shares,
            )

        target = tf.float32 if self.num_classes is None else tf.int32
        x, y, categories = tf.numpy_function(
            draw, [tf.cast(first_task, tf.int64)], [tf.float32, target, tf.bool]
        )
        x = tf.ensure_shape(x, [num_tasks, rows, self.num_columns])
        y = tf.ensure_shape(y, [num_tasks, rows])
        split = self.num_support
        inputs = {
            "support_x": x[:, :split],
            "support_y": y[:, :split],
            "query_x": x[:, split:],
            "categories": tf.ensure_shape(categories, [num_tasks, self.num_columns]),
        }
        return inputs, y[:, split:]
