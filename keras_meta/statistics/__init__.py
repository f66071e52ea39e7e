"""Policies of normalisation: by which statistics the examples of a task are normalised."""

import keras

from keras_meta.statistics.per_step import PerStep as PerStep
from keras_meta.statistics.policy import StatisticsPolicy as StatisticsPolicy
from keras_meta.statistics.running import Running as Running
from keras_meta.statistics.support import Support as Support
from keras_meta.statistics.transductive import Transductive as Transductive

_BY_NAME = {
    "transductive": Transductive,
    "support": Support,
    "running": Running,
    "per_step": PerStep,
}


def get(policy):
    """Returns a policy of normalisation.

    Args:
        policy: `"transductive"`, `"support"`, `"running"`, `"per_step"`, or a `StatisticsPolicy`.

    Returns:
        A `StatisticsPolicy`.

    Raises:
        ValueError: If it is none of these.
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
    """Returns what `deserialize` makes the policy from: its name, or a configuration."""
    return policy if isinstance(policy, str) else keras.saving.serialize_keras_object(policy)
