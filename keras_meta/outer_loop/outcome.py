"""The result of learning a task."""

import collections

Outcome = collections.namedtuple("Outcome", ["loss", "predictions", "observed"])
Outcome.__doc__ = """The result of learning a task or, with a leading axis of tasks, a batch.

Attributes:
    loss: Scalar tensor that the outer loop minimises; `None` if there are no labels.
    predictions: Nest of tensors.
    observed: Nest of tensors passed to `OuterModel.absorb`, such as statistics.
"""
