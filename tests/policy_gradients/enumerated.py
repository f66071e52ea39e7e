"""A small Markov decision process, all of whose trajectories are enumerated.

It has two states and two actions and starts in state 0. Action 1 in state 1 ends the episode. The
policy is a table of logits `theta[state, action]`. Everything is in float64.
"""

import collections
import itertools

import numpy as np
import tensorflow as tf

from keras_meta.policy_gradients.experience import Experience

TRANSITIONS = np.array([[[0.7, 0.3], [0.2, 0.8]], [[0.4, 0.6], [np.nan, np.nan]]])
REWARDS = np.array([[0.3, -1.1], [1.7, 0.8]])

Trajectories = collections.namedtuple("Trajectories", "states actions mask rewards chance")
Trajectories.__doc__ = """Arrays `[trajectories, horizon]`, and the probability `[trajectories]`
that the environment has its part in each."""


def theta():
    return tf.constant([[0.4, -0.3], [-0.2, 0.5]], tf.float64)


def trajectories(horizon):
    """All trajectories."""
    found = []

    def extend(steps, state, chance):
        if len(steps) == horizon:
            found.append((steps, chance))
            return
        for action in (0, 1):
            longer = [*steps, (state, action, 1.0, REWARDS[state, action])]
            if (state, action) == (1, 1):
                found.append((longer + [(0, 0, 0.0, 0.0)] * (horizon - len(longer)), chance))
                continue
            for after in (0, 1) if len(longer) < horizon else (0,):
                share = TRANSITIONS[state, action, after] if len(longer) < horizon else 1.0
                extend(longer, after, chance * share)

    extend([], 0, 1.0)
    table = np.array([steps for steps, _ in found])
    states, actions, mask, rewards = np.moveaxis(table, -1, 0)
    chance = np.array([chance for _, chance in found])
    return Trajectories(states.astype("int32"), actions.astype("int32"), mask, rewards, chance)


def log_probabilities(logits, taken):
    """Of the actions, `[trajectories, horizon]`; 0 in padding."""
    table = tf.reshape(tf.nn.log_softmax(logits), [-1])
    return tf.gather(table, 2 * taken.states + taken.actions) * taken.mask


def probabilities(logits, taken):
    """Of trajectories."""
    return taken.chance * tf.exp(tf.reduce_sum(log_probabilities(logits, taken), 1))


def mean_reward(logits, taken, discount=1.0):
    """The exact expectation of the mean reward of a step."""
    steps = discount ** np.arange(taken.rewards.shape[1])
    returns = (taken.rewards * steps).sum(1) / len(steps)
    return tf.reduce_sum(probabilities(logits, taken) * returns)


def experience(logits, taken, baseline=None, discount=1.0):
    """The `Experience` of these trajectories.

    Args:
        logits: The table of the policy.
        taken: `Trajectories`.
        baseline: Array `[horizon, states]`.
        discount: float.
    """
    horizon = taken.rewards.shape[1]
    baseline = np.zeros([horizon, 2]) if baseline is None else baseline
    values = baseline[np.arange(horizon), taken.states] * taken.mask
    following = np.zeros_like(taken.rewards)
    for t in range(horizon):
        for u in range(t, horizon):
            following[:, t] += discount ** (u - t) * taken.rewards[:, u]
    return Experience(
        observations=tf.one_hot(taken.states, 2, dtype=tf.float64),
        actions=tf.constant(taken.actions),
        mask=tf.constant(taken.mask),
        outputs=tf.gather(logits, taken.states),
        log_probabilities=log_probabilities(logits, taken),
        advantages=tf.constant((following - values) * taken.mask),
        rewards=tf.constant(taken.rewards),
        values=tf.constant(values),
    )


def pick(nest, indices):
    """Rows of all arrays in a nest."""
    return tf.nest.map_structure(lambda x: tf.gather(x, indices), nest)


def combinations(count, episodes):
    """Indices `[count^episodes, episodes]` of all tuples of episodes."""
    return np.array(list(itertools.product(range(count), repeat=episodes)))


def derivatives(function, at):
    """First and second derivative of a scalar, `[n]` and `[n, n]`."""
    size = int(tf.size(at))
    with tf.GradientTape() as outer:
        outer.watch(at)
        with tf.GradientTape() as inner:
            inner.watch(at)
            value = function(at)
        first = tf.reshape(inner.gradient(value, at), [-1])
    second = outer.jacobian(first, at, unconnected_gradients="zero")
    return first.numpy(), tf.reshape(second, [size, size]).numpy()
