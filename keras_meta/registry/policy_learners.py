"""Learners whose tasks are environments."""

from keras_meta.registry.row import Policy

ROWS = (
    Policy(
        name="policy-gradient",
        path="keras_meta.learners.policy_gradient_maml:PolicyGradientMAML",
        summary="policy gradient steps on its own episodes",
        papers=(("Finn et al., 2017", "https://arxiv.org/abs/1703.03400"),),
    ),
)
