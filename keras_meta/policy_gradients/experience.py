"""Experience: trajectories with their advantages, as losses take them."""

import collections

Experience = collections.namedtuple(
    "Experience",
    [
        "observations",
        "actions",
        "mask",
        "outputs",
        "log_probabilities",
        "advantages",
        "rewards",
        "values",
    ],
)
Experience.__doc__ = """Steps to learn from, of one task or, with a leading axis, of a batch.

Attributes:
    observations: Tensor `[episodes, horizon, ...]`.
    actions: Tensor `[episodes, horizon, ...]`.
    mask: Tensor `[episodes, horizon]`: 1 for a step, 0 for padding.
    outputs: Tensor `[episodes, horizon, outputs]` of the policy that acted.
    log_probabilities: Tensor `[episodes, horizon]` of the actions under the policy that acted.
    advantages: Tensor `[episodes, horizon]`.
    rewards: Tensor `[episodes, horizon]`, scaled like the advantages.
    values: Tensor `[episodes, horizon]`, the baseline, scaled like the advantages.
"""

MetaExperience = collections.namedtuple("MetaExperience", ["inner", "outer", "gain"])
MetaExperience.__doc__ = """The experience of a task or, with a leading axis of tasks, of a batch.

Attributes:
    inner: List of the `Experience` that each inner step learns from.
    outer: `Experience` after adapting.
    gain: Scalar tensor: the mean reward after adapting, compared with that of other tasks.
"""


def experience(trajectories, advantages, distribution):
    """Returns the `Experience` of `Trajectories`.

    Args:
        trajectories: `Trajectories`.
        advantages: Their `Advantages`.
        distribution: The distribution of the actions.
    """
    log_probabilities = distribution.log_probability(trajectories.outputs, trajectories.actions)
    return Experience(
        trajectories.observations,
        trajectories.actions,
        trajectories.mask,
        trajectories.outputs,
        log_probabilities * trajectories.mask,
        *advantages,
    )
