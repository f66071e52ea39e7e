"""The result of reading a support set."""

import collections

Reading = collections.namedtuple("Reading", ["features", "task_embedding", "weights"])
Reading.__doc__ = """The result of one pass of the hypernetwork over a support set.

Attributes:
    features: Tensor `[support, embedding]`.
    task_embedding: A `keras_meta.generators.TaskEmbedding`.
    weights: List of tensors, the generated weights.
"""
