"""Small learners of policies, and meta-gradients on experience that is gathered once."""

import keras
import numpy as np
import tensorflow as tf

from keras_meta import environments, learners, networks
from keras_meta.policy_gradients import LinearBaseline, PolicyGradient, acting


def categorical(hidden=3, states=3):
    """A policy for a random table of three states and two actions, and the table."""
    policy = keras.Sequential(
        [
            keras.Input((states,)),
            keras.layers.Dense(hidden, "tanh"),
            keras.layers.Dense(2),
        ]
    )
    return policy, environments.TabularMDP(states, 2, horizon=3)


def gaussian(hidden=3):
    """A policy for navigation, and the environment."""
    means = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(hidden, "tanh"), keras.layers.Dense(2)]
    )
    # Episodes end early: steps are large, and the goals are near.
    navigation = environments.Navigation(horizon=3, tolerance=0.15, goal_range=(-0.2, 0.2))
    return networks.gaussian_policy(means, initial_std=0.8), navigation


KINDS = {"categorical": categorical, "gaussian": gaussian}


def make(kind="categorical", learning_rate=0.5, num_episodes=4, compiled=True, **kwargs):
    """A learner of one of these policies."""
    policy, environment = KINDS[kind]()
    kwargs = {"outer_rule": PolicyGradient(), "baseline": LinearBaseline(0.9)} | kwargs
    learner = learners.PolicyGradientMAML(
        policy, environment, learning_rate, num_episodes=num_episodes, **kwargs
    )
    if compiled:
        learner.compile(keras.optimizers.SGD(0.1))
    return learner


def gathered(learner, num_tasks=2):
    """Experience of a batch of tasks."""
    tasks = learner.environment.sample(0, num_tasks)
    return acting.gather(learner, tasks, training=True)[0]


def values(learner):
    """The trainable variables as tensors."""
    return [tf.identity(variable.value) for variable in learner.trainable_variables]


def moved(learner, direction, length):
    """Values of the trainable variables, moved in a direction."""
    return [v + length * d for v, d in zip(values(learner), direction, strict=True)]


def direction(learner, seed=0):
    """A random direction of length 1 in the space of the trainable variables."""
    generator = np.random.default_rng(seed)
    parts = [generator.normal(size=v.shape) for v in learner.trainable_variables]
    norm = np.sqrt(sum((part**2).sum() for part in parts))
    return [tf.constant(part / norm) for part in parts]


def inner_product(first, second):
    """The sum of products of two lists of tensors; `None` counts as 0."""
    pairs = zip(first, second, strict=True)
    return sum(float(tf.reduce_sum(x * y)) for x, y in pairs if x is not None)
