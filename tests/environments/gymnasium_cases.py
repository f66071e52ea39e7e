"""An environment of Gymnasium that fails as it is told, and episodes in it."""

import os

import gymnasium
import numpy as np
import tensorflow as tf

from keras_meta.environments import Choice, GymnasiumEnvironment, Uniform, rollout

# Without a graph, the error is not TensorFlow's.
FAILURE = (ValueError, tf.errors.InvalidArgumentError)


class UniformActions:
    """Actions that depend on the noise alone."""

    def __init__(self, num_actions=None, size=1):
        self.is_discrete, self.noise_size = num_actions is not None, size
        self._num_actions = num_actions

    def sample(self, outputs, noise):
        if self.is_discrete:
            return tf.cast(noise[..., 0] * self._num_actions, tf.int32)
        return 3 * noise - 1.5


class Line(gymnasium.Env):
    """A point that moves by its action, and fails as it is told."""

    observation_space = gymnasium.spaces.Box(-100, 100, (2,))
    action_space = gymnasium.spaces.Box(-1, 1, (1,))

    def __init__(self, fault="", goal=0.0, **kwargs):
        self.fault, self.goal = fault, goal
        if fault == "another space":
            self.observation_space = gymnasium.spaces.Box(-1, 1, (3,))

    def set_task(self, task):
        self.goal = task["goal"]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.position, self.time = self.np_random.uniform(), 0
        return self._observe(), {}

    def step(self, action):
        print("an environment may print")
        self.position, self.time = self.position + action[0], self.time + 1
        if self.fault == "error" and self.time == 2:
            raise RuntimeError("out of fuel")
        if self.fault == "exit":
            os._exit(7)
        ends = self.fault == "ends at once" or (self.fault == "ends" and self.time == 2)
        cut = self.fault == "cut" and self.time == 2
        reward = np.nan if self.fault == "nan reward" else -abs(self.position - self.goal)
        return self._observe(), reward, ends, cut, {}

    def _observe(self):
        fault = self.fault if self.time else ""
        if fault == "another shape":
            return np.zeros(1, np.float32)
        return np.array([np.nan if fault == "nan" else self.position, self.goal], np.float32)


def line(**kwargs):
    """A function in a module that imports TensorFlow, which workers do not."""
    return Line(**kwargs)


def act(environment, num_tasks=2, num_episodes=3, num_actions=None, size=1, seed=0, **kwargs):
    tasks = environment.sample(0, num_tasks)
    seeds = tf.stack([tf.range(num_tasks), tf.fill([num_tasks], seed)], 1)
    act = tf.function(
        lambda: rollout(
            environment,
            tasks,
            lambda x: x,
            UniformActions(num_actions, size),
            num_episodes,
            seeds,
        )
    )
    return act()


def faulty(fault, num_workers=0, horizon=4):
    return GymnasiumEnvironment(line, {"fault": Choice([fault])}, horizon, num_workers=num_workers)


def line_in_workers():
    """A line in two worker processes, which must be closed."""
    tasks = {"goal": Uniform(0.0, 2.0)}
    return GymnasiumEnvironment(line, tasks, 4, task_setter="set_task", num_workers=2)
