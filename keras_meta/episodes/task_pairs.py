"""Conversion of (support, query) pairs, as papers define tasks, to episodes for `fit()`."""

import keras
import tensorflow as tf


def from_task_pairs(dataset):
    """Converts a dataset of (support, query) pairs to episodes for a meta-learner.

    Papers define a task as a pair of data sets, `((support_x, support_y), (query_x, query_y))`. For
    a Keras model, everything that may be used for a prediction is an input, and only the query
    labels are targets.

    Args:
        dataset: `tf.data.Dataset` of `((support_x, support_y), (query_x, query_y))`. Axis 0 of
            every tensor counts tasks, and axis 1 the examples of a task. Call `.batch()` first on a
            dataset of single tasks. `support_x` and `query_x` may be nests of tensors.

    Returns:
        A `tf.data.Dataset` of `({"support_x", "support_y", "query_x"}, query_y)`, with integer
        labels as `int32`.

    Raises:
        TypeError: If `dataset` is not a `tf.data.Dataset`.
        ValueError: If its elements do not have the structure or shapes above.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta import episodes

    support = (tf.zeros([8, 5, 28, 28, 1]), tf.zeros([8, 5], tf.int32))  # 8 tasks
    query = (tf.zeros([8, 75, 28, 28, 1]), tf.zeros([8, 75], tf.int32))
    pairs = tf.data.Dataset.from_tensor_slices((support, query)).batch(4)
    inputs, query_y = next(iter(episodes.from_task_pairs(pairs)))
    print(sorted(inputs), query_y.shape)  # ['query_x', 'support_x', 'support_y'] (4, 75)
    ```
    """
    if not isinstance(dataset, tf.data.Dataset):
        raise TypeError(
            f"`dataset` must be a `tf.data.Dataset`. Received: {type(dataset).__name__}. "
            "Create one with `tf.data.Dataset.from_generator` from a Python generator."
        )
    spec = dataset.element_spec
    if not (_is_pair(spec) and _is_pair(spec[0]) and _is_pair(spec[1])):
        raise ValueError(
            "Elements must be ((support_x, support_y), (query_x, query_y)). "
            f"Received: elements {_describe(spec)}."
        )
    (support_x, support_y), (query_x, query_y) = spec
    _check_examples("support", support_x, support_y)
    _check_examples("query", query_x, query_y)

    def convert(support, query):
        (support_x, support_y), (query_x, query_y) = support, query
        inputs = {"support_x": support_x, "support_y": _labels(support_y), "query_x": query_x}
        return inputs, _labels(query_y)

    return dataset.map(convert)


def _labels(y):
    return tf.cast(y, tf.int32) if y.dtype.is_integer else y


def _is_pair(spec):
    return isinstance(spec, tuple) and len(spec) == 2


def _describe(spec):
    """Returns the structure of an element as text, with a shape for each tensor."""
    if isinstance(spec, dict):
        return "{" + ", ".join(f"{key!r}: {_describe(value)}" for key, value in spec.items()) + "}"
    if isinstance(spec, tuple):
        return "(" + ", ".join(_describe(value) for value in spec) + ")"
    return str(spec.shape)


def _check_examples(name, x, y):
    """Checks that features and labels have the same numbers of tasks and examples."""
    for feature in keras.tree.flatten(x):
        shapes = f"{name}_x of shape {feature.shape} and {name}_y of shape {y.shape}"
        for shape in (feature.shape, y.shape):
            if shape.rank is not None and shape.rank < 2:
                raise ValueError(
                    "Axis 0 must count tasks and axis 1 the examples of a task. Received: "
                    f"{shapes}. Call `.batch(num_tasks)` on a dataset of single tasks."
                )
        if not feature.shape[:2].is_compatible_with(y.shape[:2]):
            raise ValueError(
                f"`{name}_x` and `{name}_y` must have the same numbers of tasks and examples. "
                f"Received: {shapes}."
            )
