"""The result of learning a task."""

import collections

Outcome = collections.namedtuple("Outcome", ["loss", "predictions", "observed"])
Outcome.__doc__ = """The result of learning a task, or (with a leading axis of tasks) of a batch.

Attributes:
    loss: Scalar tensor, what the outer loop minimises; `None` where nothing tells it.
    predictions: Nest of tensors.
    observed: Nest of tensors that `OuterModel.absorb` takes in, such as statistics.
"""
