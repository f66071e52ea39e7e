"""The result of reading a support set."""

import collections

import tensorflow as tf

Reading = collections.namedtuple("Reading", ["features", "task_embedding", "weights"])
Reading.__doc__ = """The result of one pass of the hypernetwork over a support set.

Attributes:
    features: Tensor `[support, embedding]`, or `[support, time, embedding]` for sequences.
    task_embedding: A `keras_meta.generators.TaskEmbedding`.
    weights: List of tensors, the generated weights.
"""


def read_and_generate(learner, support, training):
    """Embeds a support set and generates weights from it.

    Args:
        learner: A `LearnerGenerator`.
        support: Tuple `(support_x, support_y)`.
        training: bool. Whether dropout is active.

    Returns:
        A `Reading`.
    """
    support_x, support_y = support
    features = learner.model(support_x, training=training)
    examples, labels = _positions(features, support_y)
    targets, are_classes = learner.generated.targets(labels)
    task_embedding = learner.task_encoder(examples, targets, are_classes=are_classes)
    return Reading(features, task_embedding, learner.generated.generate(task_embedding))


def _positions(features, labels):
    """Returns features `[examples, embedding]` and labels, those of all positions of sequences."""
    if features.shape.rank == 2:
        return features, labels
    flat = tf.reshape(features, [-1, features.shape[-1]])
    return flat, tf.reshape(labels, [tf.shape(flat)[0], *labels.shape[2:]])
