"""Trajectories: the observations, actions and rewards of episodes."""

import collections

Trajectories = collections.namedtuple(
    "Trajectories",
    ["observations", "actions", "rewards", "mask", "terminated", "last_observations", "outputs"],
)
Trajectories.__doc__ = """Episodes of one task or, with a leading axis of tasks, of a batch.

Steps after the end of an episode are padding. An episode that was cut off rather than terminated
would have gone on from its last observation.

Attributes:
    observations: Tensor `[episodes, horizon, ...]`, each before the action.
    actions: Tensor `[episodes, horizon, size]`, or int tensor `[episodes, horizon]`.
    rewards: Tensor `[episodes, horizon]`; 0 in padding.
    mask: Tensor `[episodes, horizon]`: 1 for a step that was taken, 0 for padding.
    terminated: Tensor `[episodes]`: 1 if no reward could follow the last step, 0 if the episode was
        cut off.
    last_observations: Tensor `[episodes, ...]`, each after the last action.
    outputs: Tensor `[episodes, horizon, ...]`: the outputs of the policy that acted, which
        parametrise its distribution of actions; or `None` if they are not known.
"""
