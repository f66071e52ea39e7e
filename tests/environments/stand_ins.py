"""Stand-ins for distributions of actions, and runs of a policy without one."""

import tensorflow as tf

from keras_meta import environments


class Outputs:
    """The outputs of the policy are the actions."""

    noise_size = 0

    def __init__(self, is_discrete=False):
        self.is_discrete = is_discrete

    def sample(self, outputs, noise):
        return tf.cast(outputs, tf.int32) if self.is_discrete else outputs


class Noisy:
    """Gaussian actions around the outputs of the policy, with a standard deviation of 1."""

    is_discrete = False

    def __init__(self, size):
        self.noise_size = size

    def sample(self, outputs, noise):
        return outputs + tf.math.ndtri(noise)


def seeds(num_tasks, first=0):
    numbers = tf.range(first, first + num_tasks)
    return tf.stack([numbers, 7 + 0 * numbers], axis=1)


def run(environment, tasks, policy, num_episodes=1):
    """Episodes in which the outputs of a policy are its actions."""
    num_tasks = len(tf.nest.flatten(tasks)[0])
    discrete = isinstance(environment.action_space, environments.Discrete)
    return environments.rollout(
        environment, tasks, policy, Outputs(discrete), num_episodes, seeds(num_tasks)
    )
