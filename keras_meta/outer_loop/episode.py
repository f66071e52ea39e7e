"""Episodes as tasks: reading and checking batches, padding, and the loss of one task."""

import collections

import keras
import numpy as np
import tensorflow as tf

from keras_meta.exact import keras_masks, private, replicas
from keras_meta.outer_loop import episode_checks, model_checks, padding
from keras_meta.serving import exporting

Episode = collections.namedtuple(
    "Episode", ["inputs", "query_y", "sample_weight", "num_ways"], defaults=[None, None, None]
)
Episode.__doc__ = """A labelled task or, with a leading axis of tasks, a batch of them.

Attributes:
    inputs: dict with `"support_x"`, `"support_y"` and `"query_x"`, and masks if there is padding.
    query_y: Nest of tensors `[query, ...]`, or `None`.
    sample_weight: Tensor that broadcasts to losses `[query]` or `[query, time]`, or `None`.
    num_ways: Scalar int tensor, the largest number of ways in the batch, for learners with a
        variable way; else `None`.
"""


def read(learner, inputs, query_y=None, sample_weight=None):
    """Returns a batch of episodes whose tensors depend on the checks of their values.

    Args:
        learner: A `MetaLearner`.
        inputs: dict of tensors `[tasks, ...]`.
        query_y: Nest of tensors `[tasks, query, ...]`, or `None`.
        sample_weight: Tensor that broadcasts to losses `[tasks, query, ...]`, or `None`.

    Raises:
        ValueError: If they violate the episode contract or do not fit the model.
    """
    episode_checks.check_inputs(inputs, learner.model)
    learner.see(inputs)
    inputs, query_y = episode_checks.checked_values(inputs, class_numbers(learner, inputs), query_y)
    num_ways = padding.num_ways(inputs) if learner.variable_way else None
    if num_ways is not None:
        num_ways = tf.fill([tf.shape(inputs["support_y"])[0]], num_ways)
    return Episode(inputs, query_y, sample_weight, num_ways)


def read_support(learner, support_x, support_y):
    """Returns the support set of one task as checked tensors."""
    # Lists of features are a part of the structure, unlike lists of texts or labels.
    support_x, support_y = keras.tree.traverse(
        lambda x: np.asarray(x) if _is_list_of_values(x) else None, (support_x, support_y)
    )
    support_x, support_y = keras.tree.map_structure(
        keras.ops.convert_to_tensor, (support_x, support_y)
    )
    inputs = {"support_x": support_x, "support_y": support_y, "query_x": support_x}
    read(learner, keras.tree.map_structure(lambda x: x[None], inputs))
    return support_x, support_y


def _is_list_of_values(x):
    return isinstance(x, list) and all(isinstance(i, (str, bytes, int, float)) for i in x)


def class_numbers(learner, inputs):
    """Returns `ClassNumbers` if the labels are numbers of so many classes, else `None`."""
    loss = learner.inner_loss if learner.inner_loss is not None else learner.loss
    if not private.takes_class_numbers(loss):
        return None
    example = keras.tree.map_structure(
        lambda x: keras.KerasTensor((None, *x.shape[2:]), x.dtype.name), inputs["support_x"]
    )
    *positions, count = learner.predictions_spec(example).shape
    if count is None:
        return None
    ignored = getattr(loss, "ignore_class", None)
    return episode_checks.ClassNumbers(count, len(positions) + 1, ignored)


def without_padding(episode):
    """Returns the real examples of a task."""
    *real, _ = episode
    return Episode(*padding.cut(*real), episode.num_ways)


def with_padding(predictions, episode):
    """Puts the predictions for the real queries of a task back at their padded positions."""
    return keras_masks.carried(
        lambda x: padding.spread(x, episode.inputs, episode.num_ways),
        predictions,
        of_mask=lambda mask: padding.spread(mask, episode.inputs),
    )


def task_loss(learner, episode, output, training):
    """The compiled loss of a batch of one task, plus the losses added by its forward passes.

    Args:
        learner: A compiled `MetaLearner`.
        episode: An `Episode` without padding.
        output: `ModelOutput` for its queries.
        training: bool.

    Returns:
        Scalar tensor.
    """
    batch = keras_masks.carried(
        lambda x: tf.expand_dims(x, 0),
        (episode.inputs, episode.query_y, output.predictions, episode.sample_weight),
    )
    loss = learner.compute_loss(*batch, training=training)
    return _undivided(learner, loss) + tf.cast(output.losses, loss.dtype)


def _undivided(learner, loss):
    """The loss of one task on one replica, before Keras divides it among replicas.

    Their gradients are summed, so Keras divides means, and what layers add, but no sums.
    """
    if replicas.count() == 1:
        return loss
    compiled = [x for x in keras.tree.flatten(learner.loss) if x is not None]
    sums = [getattr(x, "reduction", None) == "sum" for x in compiled]
    if not any(sums):
        return replicas.whole(loss)
    if not all(sums):
        raise ValueError(
            "On several replicas the losses of all outputs must be means, or all of them sums. "
            f"Received: loss={learner.loss!r} on {replicas.count()} replicas."
        )
    zero = tf.zeros([], loss.dtype)
    added = sum((tf.cast(tf.reduce_sum(x), loss.dtype) for x in learner.losses), zero)
    return loss + added - replicas.part(added)


def features_spec(learner):
    """Returns the nest of `tf.TensorSpec` of the examples `[n, ...]` of a learner.

    Raises:
        ValueError: If the learner has seen no episode, and its model does not declare its inputs.
    """
    if learner.episode_spec is not None:
        return exporting.specs(learner.episode_spec, leading_axes=1)["support_x"]
    if getattr(learner.model, "inputs", None):
        return model_checks.features_spec(learner.model)
    raise ValueError(
        "The learner does not know the types of its inputs yet, and its model does not declare "
        "them. Fit it, or call it on one batch of episodes. Received: a learner that has seen "
        f"no episode, with the subclassed model {learner.model.name!r}."
    )


def seen_spec(inputs):
    """Dtypes and shapes of the inputs without task and example axes, as needed for export."""
    return keras.tree.map_structure(
        lambda x: {"dtype": x.dtype.name, "shape": list(x.shape[2:])},
        {key: inputs[key] for key in episode_checks.KEYS},
    )
