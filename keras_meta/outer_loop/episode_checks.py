"""Checks of the inputs of a learner, with errors that say what to do."""

import collections

import keras
import tensorflow as tf

from keras_meta.outer_loop import sample_weights
from keras_meta.outer_loop.padding import MASKS, QUERY_MASK, SUPPORT_MASK

KEYS = ("support_x", "support_y", "query_x")
_FORM = (
    "One element of an episode dataset is `(inputs, query_y)` or `(inputs, query_y, "
    "sample_weight)` with inputs = {'support_x': [tasks, support, ...], 'support_y': [tasks, "
    "support, ...], 'query_x': [tasks, query, ...]} and query_y: [tasks, query, ...]. Where tasks "
    "differ in size, 'support_mask' [tasks, support] and 'query_mask' [tasks, query] say which "
    "examples are real and not padding."
)

ClassNumbers = collections.namedtuple(
    "ClassNumbers", ["count", "axes", "ignored"], defaults=[None, 2, None]
)
ClassNumbers.__doc__ = """What the labels of a batch are, if they are class numbers.

Attributes:
    count: int or `None`, the number of classes.
    axes: int, the number of axes of labels: 2, or 3 for sequences `[tasks, examples, time]`.
    ignored: int or `None`, a label that the loss ignores, such as that of padding in time.
"""


def _shapes(nest):
    return keras.tree.map_structure(lambda x: tuple(x.shape), nest)


def _known(*dimensions):
    return [d for d in dimensions if d is not None]


def check_inputs(inputs, model):
    """Checks keys, structure, ranks and static sizes of an episode batch.

    Args:
        inputs: The inputs that the learner was called with.
        model: The inner model.

    Raises:
        ValueError: If they violate the episode contract or do not fit the model.
    """
    if not isinstance(inputs, dict):
        hint = ""
        if isinstance(inputs, (tuple, list)):
            hint = " Convert `(support, query)` pairs with `keras_meta.episodes.from_task_pairs`."
        raise ValueError(
            f"A learner takes a dict of episodes. {_FORM}{hint} Received: {type(inputs).__name__}."
        )
    missing = [key for key in KEYS if key not in inputs]
    unknown = [key for key in inputs if key not in (*KEYS, *MASKS)]
    if missing or unknown:
        raise ValueError(
            f"Episodes must have the keys {list(KEYS)}. Missing: {missing}; unknown: {unknown}. "
            f"Received: keys {list(inputs)}. {_FORM}"
        )
    _check_features(inputs, model)
    support_x, support_y, query_x = (keras.tree.flatten(inputs[key]) for key in KEYS)
    for name, leaves in zip(KEYS, (support_x, support_y, query_x), strict=True):
        for leaf in leaves:
            if leaf.shape.rank is None:
                raise ValueError(
                    f"`{name}` has no static rank. Give its tensors a rank with `tf.ensure_shape`. "
                    f"Received: shape {leaf.shape}."
                )
            if leaf.shape.rank < 2:
                raise ValueError(
                    f"`{name}` needs two leading axes, tasks and examples. Add the task axis of a "
                    f"single task with `x[None]`. Received: shape {tuple(leaf.shape)}."
                )
            if leaf.shape[1] == 0:
                raise ValueError(
                    f"`{name}` is empty: every task needs at least one example in it. "
                    f"Received: shape {tuple(leaf.shape)}."
                )
    _same([*support_x, *support_y, *query_x], 0, "number of tasks (axis 0)", inputs)
    _same([*support_x, *support_y], 1, "number of support examples (axis 1)", inputs)
    _same(query_x, 1, "number of query examples (axis 1)", inputs)
    _check_masks(inputs)


def _check_masks(inputs):
    for key, of in ((SUPPORT_MASK, "support_x"), (QUERY_MASK, "query_x")):
        if key not in inputs:
            continue
        mask, examples = inputs[key], keras.tree.flatten(inputs[of])[0]
        if mask.shape.rank != 2 or not mask.shape.is_compatible_with(examples.shape[:2]):
            raise ValueError(
                f"`{key}` must have one boolean value for each example of `{of}`. Received: "
                f"{key} with shape {tuple(mask.shape)}, {of} with shape {tuple(examples.shape)}."
            )


def _same(leaves, axis, what, inputs):
    if len(set(_known(*(leaf.shape[axis] for leaf in leaves)))) > 1:
        raise ValueError(
            f"Parts of an episode differ in {what}. Received: shapes {_shapes(inputs)}."
        )


def _check_features(inputs, model):
    try:
        keras.tree.assert_same_structure(inputs["support_x"], inputs["query_x"])
    except ValueError as error:
        raise ValueError(
            "`support_x` and `query_x` must have the same structure. "
            f"Received: shapes {_shapes(inputs)}."
        ) from error
    pairs = zip(
        keras.tree.flatten(inputs["support_x"]), keras.tree.flatten(inputs["query_x"]), strict=True
    )
    for support, query in pairs:
        if not support.shape[2:].is_compatible_with(query.shape[2:]):
            raise ValueError(
                "Support and query examples must have the same shape. Received: support_x with "
                f"examples {tuple(support.shape[2:])}, query_x with {tuple(query.shape[2:])}."
            )
    model_inputs = getattr(model, "inputs", None)
    if not model_inputs:
        return
    for leaf, expected in zip(
        _in_model_order(inputs["support_x"], model), model_inputs, strict=False
    ):
        if not tf.TensorShape(leaf.shape[2:]).is_compatible_with(expected.shape[1:]):
            raise ValueError(
                "Episodes do not fit the model: `support_x` must be [tasks, support, "
                f"{', '.join(str(d) for d in expected.shape[1:])}], the model's input shape after "
                "axes of tasks and examples (images need a channel axis: `x[..., None]`). "
                f"Received: support_x with shape {tuple(leaf.shape)} for a model with input "
                f"{tuple(expected.shape)}."
            )
        dtypes = [keras.backend.standardize_dtype(x.dtype) for x in (leaf, expected)]
        if dtypes[0] != dtypes[1] and "string" in dtypes:
            raise ValueError(
                "A model takes either text or numbers. To take text, it starts with "
                "`keras.Input((), dtype='string')` and an adapted `TextVectorization`. "
                f"Received: support_x of type {dtypes[0]} for a model with input of type "
                f"{dtypes[1]}."
            )


def _in_model_order(features, model):
    if isinstance(features, dict):
        return [features[x.name] for x in model.inputs if x.name in features]
    return keras.tree.flatten(features)


def check_targets(inputs, y, sample_weight, loss_axes=2):
    """Checks `query_y` and `sample_weight` against the episodes.

    Args:
        inputs: An episode batch.
        y: Query labels.
        sample_weight: `None`, or weights of tasks, of queries, or of their positions in time.
        loss_axes: int. The number of axes of the losses that are weighted: 2 for one loss for each
            query, 3 for one for each position of a sequence.

    Returns:
        `sample_weight` with this number of axes, those that were missing of length 1. If there is a
        query mask, its second axis is that of the queries.

    Raises:
        ValueError: If they do not fit.
    """
    if y is None:
        raise ValueError(f"There are no query labels to learn from. {_FORM} Received: y=None.")
    query = keras.tree.flatten(inputs["query_x"])[0]
    for leaf in keras.tree.flatten(y):
        if leaf.shape.rank is None or leaf.shape.rank < 2:
            raise ValueError(
                "`query_y` needs two leading axes, tasks and queries. Note that `class_weight` is "
                "not supported, because labels are renumbered in each episode: use "
                f"`sample_weight`. Received: query_y with shape {leaf.shape}."
            )
        for axis, what in ((0, "tasks"), (1, "queries")):
            if len(set(_known(leaf.shape[axis], query.shape[axis]))) > 1:
                raise ValueError(
                    f"`query_y` and `query_x` differ in their number of {what}. Received: query_y "
                    f"with shape {tuple(leaf.shape)}, query_x with shape {tuple(query.shape)}."
                )
    if sample_weight is None:
        return None
    return sample_weights.aligned(sample_weight, inputs, loss_axes)


def checked_values(inputs, class_numbers=None, query_y=None):
    """Adds run-time checks: finite features, integer labels within `0 <= label < num_classes`.

    Args:
        inputs: An episode batch.
        class_numbers: `ClassNumbers`, or `None` if labels are not class numbers.
        query_y: Query labels, if there are any.

    Returns:
        `(inputs, query_y)`, which depend on the checks, so that an invalid batch is reported here
        and not by the first operation that fails on it.

    Raises:
        tf.errors.InvalidArgumentError: When an invalid batch is evaluated.
    """
    checks = []
    for key in ("support_x", "query_x"):
        for leaf in keras.tree.flatten(inputs[key]):
            if leaf.dtype.is_floating:
                message = f"`{key}` contains NaN or Inf: clean or mask the features."
                checks.append(tf.debugging.assert_all_finite(leaf, message))
    for key in MASKS:
        if key in inputs:
            message = f"`{key}` leaves a task without examples: every task needs at least one."
            real = tf.reduce_any(tf.cast(inputs[key], tf.bool), 1)
            checks.append(tf.debugging.assert_equal(tf.reduce_all(real), True, message))
    labels = {"support_y": inputs["support_y"], "query_y": query_y} if class_numbers else {}
    num_classes, axes, ignored = class_numbers or ClassNumbers()
    for name, label in labels.items():
        if label is None or not label.dtype.is_integer or label.shape.rank != axes:
            continue
        mask = inputs.get(name.replace("_y", "_mask"))
        label = tf.cast(label, tf.int64)
        if mask is not None:
            of_time = tf.ones(axes - 2, tf.int32)
            mask = tf.reshape(mask, tf.concat([tf.shape(mask), of_time], 0))
            label = tf.where(tf.cast(mask, tf.bool), label, 0)
        if ignored is not None:
            label = tf.where(label == ignored, tf.cast(0, tf.int64), label)
        message = (
            f"`{name}` has a label outside 0..{num_classes - 1}, the outputs of the model. "
            "Labels are numbered 0..ways-1 within each episode, and the model needs one output per "
            "way."
        )
        in_range = tf.reduce_all((label >= 0) & (label < num_classes))
        checks.append(tf.debugging.assert_equal(in_range, True, message))
    with tf.control_dependencies([check for check in checks if check is not None]):
        return keras.tree.map_structure(
            lambda x: None if x is None else tf.identity(x), (dict(inputs), query_y)
        )
