"""Episodes from several sources in one stream."""

import keras
import numpy as np
import tensorflow as tf

from keras_meta.episodes.task_distribution import TaskDistribution


class Mixture(TaskDistribution):
    """Draws each task from one of several sources.

    Task `t` comes from source `s` with probability `p_s`, and is then task `t` of that source. If
    sources differ in the number of support or query examples, tasks are padded to the largest
    number, and masks among the inputs mark the real examples. To measure a learner on each source,
    evaluate it on each: `{name: learner.evaluate(source.as_dataset(...))}`.

    Args:
        sources: dict, name to `TaskDistribution`. Their examples must have the same shapes and
            dtypes.
        probabilities: dict, name to positive number. They are normalised to sum to 1. Defaults to
            equal probabilities.
        seed: Integer. The source of each task is a function of it.

    Raises:
        ValueError: If there are no sources, the names or values of `probabilities` are invalid, or
            examples or labels of the sources differ in shape or dtype.

    Example:

    ```python
    from keras_meta import episodes

    one_shot, five_shot = (
        episodes.StrokeGlyphs(num_ways=3, num_shots=shots, num_queries=2, num_classes=9)
        for shots in (1, 5)
    )
    mixture = episodes.Mixture({"1-shot": one_shot, "5-shot": five_shot})
    for inputs, query_y in mixture.as_dataset(batch_size=4, num_batches=1):
        print(inputs["support_mask"].numpy().sum(1))  # 3 or 15 for each task
    ```
    """

    def __init__(self, sources, probabilities=None, seed=0):
        super().__init__(seed)
        if not sources:
            raise ValueError(f"A mixture needs at least one source. Received: sources={sources!r}.")
        self.sources = dict(sources)
        self.probabilities = _normalized(self.sources, probabilities)
        elements = [source.as_dataset(1).element_spec for source in self.sources.values()]
        _check_alike(self.sources, elements)
        self._support, self._query = (
            max(keras.tree.flatten(inputs[key])[0].shape[1] for inputs, _ in elements)
            for key in ("support_x", "query_x")
        )
        self._is_padded = any(
            len(inputs) > 3
            or keras.tree.flatten(inputs["support_x"])[0].shape[1] < self._support
            or keras.tree.flatten(inputs["query_x"])[0].shape[1] < self._query
            for inputs, _ in elements
        )

    def source_of(self, first_task, num_tasks):
        """Returns the sources of consecutive tasks.

        Args:
            first_task: Integer or scalar `int64` tensor. The number of the first task.
            num_tasks: Python integer.

        Returns:
            Integer tensor `[tasks]`, positions in `sources`.
        """
        borders = np.cumsum(self.probabilities)[:-1].astype("float32")
        numbers = self.uniform(first_task, num_tasks, (1,), stream=0)
        return tf.reduce_sum(tf.cast(numbers >= borders, tf.int32), 1)

    def sample(self, first_task, num_tasks):
        tasks = tf.cast(first_task, tf.int64) + tf.range(num_tasks, dtype=tf.int64)
        branches = [
            lambda task, source=source: self._padded(*source.sample(task, 1))
            for source in self.sources.values()
        ]

        def one(task_and_source):
            task, source = task_and_source
            drawn = tf.switch_case(source, [lambda b=branch: b(task) for branch in branches])
            return tf.nest.map_structure(lambda x: x[0], drawn)

        which = self.source_of(first_task, num_tasks)
        specs = tf.function(branches[0], autograph=False).get_concrete_function(
            tf.TensorSpec([], tf.int64)
        )
        signature = tf.nest.map_structure(
            lambda x: tf.TensorSpec(x.shape[1:], x.dtype), specs.structured_outputs
        )
        return tf.map_fn(one, (tasks, which), fn_output_signature=signature)

    def _padded(self, inputs, query_y):
        if not self._is_padded:
            return inputs, query_y
        support, query = (
            keras.tree.flatten(inputs[key])[0].shape[:2] for key in ("support_x", "query_x")
        )
        sizes = {"support": self._support, "query": self._query}
        masks = {
            "support_mask": tf.ones(support, tf.int32),
            "query_mask": tf.ones(query, tf.int32),
        }
        inputs = {
            key: _pad(value, sizes[key.split("_")[0]]) for key, value in {**masks, **inputs}.items()
        }
        return inputs, _pad(query_y, self._query)


def _pad(nest, length):
    def pad(x):
        paddings = [[0, 0], [0, length - x.shape[1]], *[[0, 0]] * (x.shape.rank - 2)]
        return tf.pad(x, paddings, constant_values="" if x.dtype == tf.string else 0)

    return keras.tree.map_structure(pad, nest)


def _normalized(sources, probabilities):
    weights = dict.fromkeys(sources, 1.0) if probabilities is None else probabilities
    if set(weights) != set(sources) or not all(0 < w < float("inf") for w in weights.values()):
        raise ValueError(
            "`probabilities` must have a positive number for each source. Received: "
            f"probabilities={probabilities} for sources {list(sources)}."
        )
    values = np.array([weights[name] for name in sources], "float64")
    return values / values.sum()


def _check_alike(sources, elements):
    """Raises if examples or labels of the sources differ in structure, shape or dtype."""
    kinds = [
        keras.tree.map_structure(
            lambda x: (x.dtype.name, *x.shape[2:]),
            ({key: inputs[key] for key in ("support_x", "support_y", "query_x")}, query_y),
        )
        for inputs, query_y in elements
    ]
    for name, kind in zip(sources, kinds, strict=True):
        if kind != kinds[0]:
            raise ValueError(
                "Sources of a mixture must have examples and labels of the same shapes and dtypes. "
                f"Received: {next(iter(sources))!r} with {kinds[0]}, {name!r} with {kind}."
            )
