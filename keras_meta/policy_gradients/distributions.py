"""Distributions of actions, parametrised by the outputs of a policy."""

import math

import tensorflow as tf

from keras_meta.environments.spaces import Continuous, Discrete


def of_space(space, outputs_size):
    """Returns the distribution of a policy's actions.

    Args:
        space: `Continuous` or `Discrete`, the actions that the environment takes.
        outputs_size: int. Size of the policy's outputs.

    Returns:
        A `Gaussian` or a `Categorical`.

    Raises:
        ValueError: If the outputs do not parametrise such actions.
    """
    distribution = Gaussian(space.size) if isinstance(space, Continuous) else None
    if isinstance(space, Discrete):
        distribution = Categorical(space.num_actions)
    if distribution is None:
        raise ValueError(
            "The action space must be `Continuous` or `Discrete`. "
            f"Received: action_space={space!r}."
        )
    if outputs_size != distribution.num_outputs:
        raise ValueError(
            f"The policy must have {distribution.num_outputs} outputs for the actions {space!r}: "
            f"{distribution.meaning}. Received: a policy with {outputs_size} outputs."
        )
    return distribution


class Gaussian:
    """Independent normal distributions of the numbers in an action.

        a = mean + exp(log_std) eps,    eps ~ N(0, I),    outputs = [mean, log_std]

    Logarithms of densities are summed over the numbers of an action.

    Args:
        size: int. Numbers in an action.
        min_log_std: float. Smallest logarithm of a standard deviation, so that a policy does not
            stop exploring.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta.policy_gradients import Gaussian

    distribution = Gaussian(size=2)
    outputs = tf.zeros([3, distribution.num_outputs])
    actions = distribution.sample(outputs, tf.random.uniform([3, distribution.noise_size]))
    assert distribution.log_probability(outputs, actions).shape == (3,)
    ```
    """

    is_discrete = False
    meaning = (
        "a mean and the logarithm of a standard deviation for each number of an action. "
        "`keras_meta.networks.gaussian_policy(model)` appends learned deviations to a model of the "
        "means"
    )

    def __init__(self, size, min_log_std=-13.8):
        self.size = size
        self.min_log_std = min_log_std
        self.num_outputs = 2 * size
        self.noise_size = 2 * size

    def _parts(self, outputs):
        mean, log_std = tf.split(outputs, 2, axis=-1)
        return mean, tf.maximum(log_std, self.min_log_std)

    def sample(self, outputs, noise):
        """Draws actions `[..., size]`.

        Args:
            outputs: Tensor `[..., 2 size]`.
            noise: Uniform numbers `[..., 2 size]`, between 0 and 1.
        """
        mean, log_std = self._parts(outputs)
        # The method of Box and Muller: two uniform numbers make a normal one.
        u, v = tf.split(tf.cast(noise, mean.dtype), 2, axis=-1)
        tiny = tf.constant(1e-12, mean.dtype)
        normal = tf.sqrt(-2 * tf.math.log(tf.maximum(u, tiny))) * tf.cos(2 * math.pi * v)
        return mean + tf.exp(log_std) * normal

    def mode(self, outputs):
        """The most likely actions."""
        return self._parts(outputs)[0]

    def log_probability(self, outputs, actions):
        """Logarithm of the density of actions, summed over their numbers: `[...]`."""
        mean, log_std = self._parts(outputs)
        z = (actions - mean) * tf.exp(-log_std)
        return -tf.reduce_sum(0.5 * tf.square(z) + log_std + 0.5 * math.log(2 * math.pi), -1)

    def divergence(self, old, new):
        """Kullback-Leibler divergence `KL(old || new)`: `[...]`."""
        mean, log_std = self._parts(old)
        new_mean, new_log_std = self._parts(new)
        ratio = tf.exp(2 * (log_std - new_log_std))
        z = (mean - new_mean) * tf.exp(-new_log_std)
        return tf.reduce_sum(new_log_std - log_std + 0.5 * (ratio + tf.square(z) - 1), -1)

    def metric(self, outputs, tangent):
        """Product of the Fisher information of `outputs` with a tangent of their shape."""
        _, log_std = self._parts(outputs)
        of_mean, of_log_std = tf.split(tangent, 2, axis=-1)
        # A deviation at its smallest does not follow its output.
        follows = tf.cast(tf.split(outputs, 2, axis=-1)[1] >= self.min_log_std, outputs.dtype)
        return tf.concat([of_mean * tf.exp(-2 * log_std), 2 * follows * of_log_std], -1)


class Categorical:
    """A choice among actions, with logits as outputs.

        p(a) = softmax(outputs)_a

    Args:
        num_actions: int.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta.policy_gradients import Categorical

    distribution = Categorical(num_actions=3)
    logits = tf.constant([[0.0, 0.0, 9.0]])
    assert distribution.mode(logits) == 2
    assert distribution.divergence(logits, logits) == 0
    ```
    """

    is_discrete = True
    noise_size = 1
    meaning = "one logit for each action"

    def __init__(self, num_actions):
        self.num_actions = num_actions
        self.num_outputs = num_actions

    def sample(self, outputs, noise):
        """Draws actions, an int tensor `[...]`.

        Args:
            outputs: Tensor `[..., actions]`.
            noise: Uniform numbers `[..., 1]`, between 0 and 1.
        """
        below = tf.cumsum(tf.nn.softmax(outputs), axis=-1)[..., :-1]
        return tf.reduce_sum(tf.cast(tf.cast(noise, below.dtype) > below, tf.int32), -1)

    def mode(self, outputs):
        """The most likely actions."""
        return tf.argmax(outputs, -1, tf.int32)

    def log_probability(self, outputs, actions):
        """Logarithm of the probability of actions: `[...]`."""
        chosen = tf.one_hot(actions, self.num_actions, dtype=outputs.dtype)
        return tf.reduce_sum(chosen * tf.nn.log_softmax(outputs), -1)

    def divergence(self, old, new):
        """Kullback-Leibler divergence `KL(old || new)`: `[...]`."""
        old, new = tf.nn.log_softmax(old), tf.nn.log_softmax(new)
        return tf.reduce_sum(tf.exp(old) * (old - new), -1)

    def metric(self, outputs, tangent):
        """Product of the Fisher information of `outputs` with a tangent of their shape."""
        p = tf.nn.softmax(outputs)
        return p * (tangent - tf.reduce_sum(p * tangent, -1, keepdims=True))
