"""Checks of trajectories that a user hands to a learner."""

import keras
import tensorflow as tf

from keras_meta.environments.spaces import Discrete
from keras_meta.environments.trajectories import Trajectories


def checked(learner, trajectories):
    """Returns the `Trajectories` of one task as tensors.

    Args:
        learner: A `PolicyGradientMAML`.
        trajectories: `Trajectories` of arrays `[episodes, horizon, ...]`.

    Raises:
        ValueError: If they do not fit the environment or are not finite.
    """
    space, observation = learner.environment.action_space, learner.environment.observation_shape
    discrete = isinstance(space, Discrete)
    floatx = keras.config.floatx()
    tensors = {
        name: None
        if value is None
        else tf.cast(value, "int32" if name == "actions" and discrete else floatx)
        for name, value in trajectories._asdict().items()
    }
    episodes, horizon = _leading(tensors["rewards"])
    expected = {
        "observations": (episodes, horizon, *observation),
        "actions": (episodes, horizon, *(() if discrete else (space.size,))),
        "rewards": (episodes, horizon),
        "mask": (episodes, horizon),
        "terminated": (episodes,),
        "last_observations": (episodes, *observation),
    }
    for name, shape in expected.items():
        received = None if tensors[name] is None else tuple(tensors[name].shape)
        if received != shape:
            raise ValueError(
                f"`trajectories.{name}` must have the shape {shape}, for the environment of the "
                f"learner and the shape of the rewards. Received: {received}."
            )
        if not bool(tf.reduce_all(tf.math.is_finite(tf.cast(tensors[name], floatx)))):
            raise ValueError(
                f"`trajectories.{name}` must be finite numbers. Received: NaN or infinity."
            )
    if episodes < 2:
        raise ValueError(
            "An inner step needs at least 2 episodes, because the baseline scores episodes other "
            f"than those it was fitted to. Received: {episodes} episode."
        )
    return Trajectories(**tensors)


def _leading(rewards):
    if rewards is None or rewards.shape.rank != 2:
        raise ValueError(
            "`trajectories.rewards` must have the shape (episodes, horizon). Received: "
            f"{None if rewards is None else tuple(rewards.shape)}."
        )
    return tuple(rewards.shape)
