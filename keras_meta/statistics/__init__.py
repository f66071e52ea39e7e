"""Normalisation policies: the statistics that the examples of a task are normalised by."""

import keras

from keras_meta import registry
from keras_meta.statistics.policy import StatisticsPolicy as StatisticsPolicy

_BY_NAME = {row.name: row.resolve() for row in registry.of_kind("statistics")}
_members = {policy.__name__: policy for policy in _BY_NAME.values()}
globals().update(_members)

__all__ = ["StatisticsPolicy", "get", "serialize", *_members]


def get(policy):
    """Returns a normalisation policy.

    Args:
        policy: Name of a policy in the registry, such as `"transductive"`, or a
            `StatisticsPolicy`.

    Returns:
        A `StatisticsPolicy`.

    Raises:
        ValueError: If `policy` is neither.
    """
    if isinstance(policy, StatisticsPolicy):
        return policy
    if not isinstance(policy, str) or policy not in _BY_NAME:
        raise ValueError(
            f"`batch_norm` must be one of {list(_BY_NAME)}, or a "
            f"`keras_meta.statistics.StatisticsPolicy`. Received: batch_norm={policy!r}."
        )
    return _BY_NAME[policy]()


def serialize(policy):
    """Returns the name of a policy, or its Keras configuration."""
    return policy if isinstance(policy, str) else keras.saving.serialize_keras_object(policy)
