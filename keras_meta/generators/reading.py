"""The result of reading a support set."""

import collections

Reading = collections.namedtuple("Reading", ["features", "task_embedding", "weights"])
Reading.__doc__ = """The result of one pass of the hypernetwork over a support set.

Attributes:
    features: Tensor `[support, embedding]`.
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
    targets, are_classes = learner.generated.targets(support_y)
    task_embedding = learner.task_encoder(features, targets, are_classes=are_classes)
    return Reading(features, task_embedding, learner.generated.generate(task_embedding))
