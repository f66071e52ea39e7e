"""Bernoulli bandits: the tasks in which there is nothing but exploration."""

import keras
import tensorflow as tf

from keras_meta.environments.environment import Environment
from keras_meta.environments.spaces import Discrete
from keras_meta.episodes.arguments import check_integer


@keras.saving.register_keras_serializable("keras_meta")
class BernoulliBandit(Environment):
    """A bandit whose arms pay 0 or 1, with probabilities that are drawn for each task.

        p_k ~ U(0, 1),    r_t ~ Bernoulli(p[a_t])

    An observation has the previous action, one-hot, the previous reward, and a constant 1; the
    first one has zeros for the action and the reward. Without the past, the best policy for a task
    pulls one arm always, and returns `horizon * max(p)`.

    Args:
        num_arms: int.
        horizon: int. Pulls in an episode.
        observe_last: bool. Whether observations have the previous action and reward. If not, an
            observation is the constant 1 alone.
        seed: int. The stream of tasks is a function of it.

    Raises:
        TypeError: If a number is not an integer, or `observe_last` is not a bool.
        ValueError: If a number is below 1.

    Example:

    ```python
    from keras_meta import environments

    bandit = environments.BernoulliBandit(num_arms=10, horizon=100)
    probabilities = bandit.sample(first_task=0, num_tasks=4)
    assert probabilities.shape == (4, 10)
    assert bandit.observation_shape == (12,)
    ```

    Reference:
        Duan, Schulman, Chen, Bartlett, Sutskever, Abbeel: "RL^2: Fast Reinforcement Learning via
        Slow Reinforcement Learning", 2016, section 3.1.
    """

    def __init__(self, num_arms=5, horizon=10, observe_last=True, seed=0):
        if not isinstance(observe_last, bool):
            raise TypeError(
                f"`observe_last` must be a bool. Received: observe_last={observe_last!r}."
            )
        self.num_arms = check_integer("num_arms", num_arms, minimum=1)
        self.observe_last = observe_last
        size = num_arms + 2 if observe_last else 1
        super().__init__((size,), Discrete(num_arms), horizon, step_noise=1, seed=seed)

    def sample(self, first_task, num_tasks):
        drawn = self.uniform(first_task, num_tasks, (self.num_arms,))
        return tf.cast(drawn, keras.config.floatx())

    def reset(self, probabilities, noise):
        leading = keras.ops.shape(noise)[:2]
        past = tf.zeros([*leading, self.observation_shape[0] - 1], probabilities.dtype)
        constant = tf.ones([*leading, 1], probabilities.dtype)
        return (), tf.concat([past, constant], axis=-1)

    def step(self, probabilities, state, action, noise):
        chosen = tf.one_hot(action, self.num_arms, dtype=probabilities.dtype)
        probability = tf.reduce_sum(chosen * probabilities, axis=-1)
        reward = tf.cast(noise[..., 0] < probability, probabilities.dtype)
        constant = tf.ones_like(reward)[..., None]
        past = [chosen, reward[..., None]] if self.observe_last else []
        return state, tf.concat([*past, constant], axis=-1), reward, False, False
