"""Learners whose tasks are environments."""

from keras_meta.registry.row import Row

ROWS = (
    Row(
        kind="policy",
        name="policy-gradient",
        path="keras_meta.learners.policy_gradient_maml:PolicyGradientMAML",
    ),
)
