"""Markov decision processes with few states and actions, which are tables."""

import keras
import numpy as np
import tensorflow as tf

from keras_meta.environments.arguments import check_number
from keras_meta.environments.environment import Environment
from keras_meta.environments.spaces import Discrete
from keras_meta.episodes.arguments import check_integer

# Half the spacing of the uniform numbers of tasks: moved by it, none is 0, whose quantile is -inf.
_HALF_SPACING = 2.0**-24


@keras.saving.register_keras_serializable("keras_meta")
class TabularMDP(Environment):
    """A Markov decision process whose transitions and rewards are tables, observed one-hot.

    A task is a dict of tables: `"transitions"` `[states, actions, states]`, the probabilities `P`
    of the next state; `"rewards"` `[states, actions]`, their means `R`; and `"initial"` `[states]`,
    the probabilities of the first state. In it,

        s_0 ~ initial,    r_t ~ N(R[s_t, a_t], reward_noise^2),    s_{t+1} ~ P[s_t, a_t]

    Tasks are random, with one state to start in, state 0,

        P[s, a] ~ Dirichlet(1, ..., 1),    R[s, a] ~ N(1, 1)

    or are given. As the tables are known, so are the exact values of a policy.

    Args:
        num_states: int.
        num_actions: int.
        horizon: int. Steps in an episode.
        reward_noise: float. Standard deviation of a reward around its mean.
        tasks: Dict of arrays or nested lists with the keys above and a leading axis of tasks, or
            `None` to draw tasks at random. Task `t` of the stream is then task `t` modulo their
            number.
        seed: int. The stream of random tasks is a function of it.

    Raises:
        TypeError: If an argument that must be an integer is not.
        ValueError: If a number is too small, or `tasks` has other keys or shapes, or probabilities
            that are negative or do not sum to 1.

    Example:

    ```python
    from keras_meta import environments

    mdp = environments.TabularMDP(num_states=3, num_actions=2, horizon=5)
    task = mdp.sample(first_task=0, num_tasks=4)
    assert task["transitions"].shape == (4, 3, 2, 3)

    fixed = environments.TabularMDP(
        num_states=2,
        num_actions=1,
        reward_noise=0.0,
        tasks={
            "transitions": [[[[0.0, 1.0]], [[1.0, 0.0]]]],
            "rewards": [[[0.0], [1.0]]],
            "initial": [[1.0, 0.0]],
        },
    )
    ```

    Reference:
        Duan, Schulman, Chen, Bartlett, Sutskever, Abbeel: "RL^2: Fast Reinforcement Learning via
        Slow Reinforcement Learning", 2016, section 3.2.
    """

    def __init__(
        self, num_states=10, num_actions=5, horizon=10, reward_noise=1.0, tasks=None, seed=0
    ):
        self.num_states = check_integer("num_states", num_states, minimum=1)
        self.num_actions = check_integer("num_actions", num_actions, minimum=1)
        super().__init__(
            (num_states,), Discrete(num_actions), horizon, reset_noise=1, step_noise=2, seed=seed
        )
        self.reward_noise = check_number("reward_noise", reward_noise)
        self.tasks = None if tasks is None else self._checked(tasks)

    def sample(self, first_task, num_tasks):
        if self.tasks is not None:
            numbers = tf.cast(first_task, tf.int64) + tf.range(num_tasks, dtype=tf.int64)
            tables = {
                key: tf.constant(table, keras.config.floatx()) for key, table in self.tasks.items()
            }
            count = len(self.tasks["initial"])
            return {key: tf.gather(table, numbers % count) for key, table in tables.items()}
        states, actions = self.num_states, self.num_actions

        def uniform(shape, stream):
            drawn = self.uniform(first_task, num_tasks, shape, stream)
            return tf.cast(drawn, keras.config.floatx()) + _HALF_SPACING

        # Normalised exponential variables have the Dirichlet distribution of weights 1.
        exponential = -tf.math.log(uniform((states, actions, states), stream=0))
        start = tf.one_hot(tf.zeros([num_tasks], tf.int32), states, dtype=exponential.dtype)
        return {
            "transitions": exponential / tf.reduce_sum(exponential, axis=-1, keepdims=True),
            "rewards": 1 + tf.math.ndtri(uniform((states, actions), stream=1)),
            "initial": start,
        }

    def reset(self, task, noise):
        state = _categorical(task["initial"], noise[..., 0])
        return state, self._observed(state, task)

    def step(self, task, state, action, noise):
        pair = state * self.num_actions + action
        transitions, rewards = (
            tf.reshape(task[key], [-1, self.num_states * self.num_actions, *last])
            for key, last in (("transitions", [self.num_states]), ("rewards", []))
        )
        mean = tf.gather(rewards, pair, batch_dims=1)
        reward = mean + self.reward_noise * tf.math.ndtri(noise[..., 0])
        state = _categorical(tf.gather(transitions, pair, batch_dims=1), noise[..., 1])
        return state, self._observed(state, task), reward, False, False

    def _observed(self, state, task):
        return tf.one_hot(state, self.num_states, dtype=task["rewards"].dtype)

    def _checked(self, tasks):
        """Returns the tables as nested lists, which Keras saves."""
        states, actions = self.num_states, self.num_actions
        shapes = {
            "transitions": (states, actions, states),
            "rewards": (states, actions),
            "initial": (states,),
        }
        tables = {key: np.asarray(table, "float64") for key, table in dict(tasks).items()}
        found = {key: table.shape for key, table in tables.items()}
        count = (found.get("initial") or (0,))[0]
        if count == 0 or found != {key: (count, *shape) for key, shape in shapes.items()}:
            raise ValueError(
                "`tasks` must be a dict of tables that have, after a leading axis of at least one "
                f"task, the shapes {shapes}. Received: shapes {found}."
            )
        for key in ("transitions", "initial"):
            sums = tables[key].sum(axis=-1)
            if not ((tables[key] >= 0).all() and np.allclose(sums, 1, rtol=0, atol=1e-5)):
                raise ValueError(
                    f"`tasks[{key!r}]` must have probabilities that sum to 1 over the last axis. "
                    f"Received: numbers of at least {tables[key].min()} and sums from {sums.min()} "
                    f"to {sums.max()}."
                )
        return {key: tables[key].tolist() for key in shapes}


def _categorical(probabilities, uniform):
    """Draws from distributions `[..., categories]` by the inverse of their cumulative sums."""
    borders = tf.cumsum(probabilities, axis=-1)
    # Rounded, the sum is not 1: a number above it would draw a category that does not exist.
    above = uniform[..., None] * borders[..., -1:] >= borders[..., :-1]
    return tf.reduce_sum(tf.cast(above, tf.int32), axis=-1)
