"""Gymnasium environments as tasks."""

import functools
import itertools
import os
import threading

import keras
import numpy as np
import tensorflow as tf

from keras_meta.environments import gymnasium_making as making
from keras_meta.environments.environment import Environment
from keras_meta.environments.gymnasium_spaces import SpaceAdapter
from keras_meta.environments.gymnasium_vector_runner import VectorRunner
from keras_meta.environments.gymnasium_worker import EpisodeError, EpisodeRunner
from keras_meta.environments.worker_pool import WorkerPool
from keras_meta.episodes.arguments import check_integer

# Groups of episodes that were left before their end are given up when there are more than these.
_MAX_GROUPS = 16


@keras.saving.register_keras_serializable("keras_meta")
class GymnasiumEnvironment(Environment):
    """Tasks that are Gymnasium environments with drawn parameters.

    All episodes of all tasks take a step together, shared out among worker processes, one for each
    core. An episode is a function of its task, the noise of its reset and the actions. It ends at
    `horizon`; the limit that Gymnasium registers with an environment does not apply.

    Observations are vectors or arrays in float32 (one-hot if the observation space is discrete).
    Continuous actions are clipped to the bounds of the action space.

    Args:
        env: str, an environment's id; or a callable of keyword arguments that returns a
            `gymnasium.Env`.
        tasks: Dict of the parameters of tasks, name to `Uniform` or `Choice`. For any other
            distribution override `sample`, which returns a dict of tensors `[tasks, ...]`.
        horizon: int. Number of steps after which an episode ends.
        task_setter: `None`, if the parameters are keyword arguments with which environments are
            made (one environment for each distinct set, so continuous parameters are slow); or
            how to tell an environment its task: a callable of the environment and the dict of
            parameters, or the name of a method, such as `"set_task"`, which takes the dict.
        seed: int. The stream of tasks is a function of it.
        num_workers: int or `None`. Number of worker processes; one for each core by default. With
            0, the environments run in this process.
        vectorized: bool. Whether to step the environment's own vector form, such as CartPole-v1
            has, in this process: much faster, but how an episode starts then depends also on the
            episodes beside it.
        **kwargs: Keyword arguments with which all environments are made.

    Raises:
        ImportError: If Gymnasium is not installed.
        ValueError: If a space of the environment is of a kind that is not supported.

    Example:

    ```python
    from keras_meta import environments

    environment = environments.GymnasiumEnvironment(
        "CartPole-v1",
        tasks={"sutton_barto_reward": environments.Choice([False, True])},
        horizon=200,
        num_workers=0,
    )
    assert environment.observation_shape == (4,)
    ```

    Reference:
        Towers et al.: "Gymnasium: A Standard Interface for Reinforcement Learning Environments",
        2024, https://arxiv.org/abs/2407.17032.
    """

    def __init__(
        self,
        env,
        tasks,
        horizon,
        task_setter=None,
        seed=0,
        num_workers=None,
        vectorized=False,
        **kwargs,
    ):
        self.env, self.tasks, self.kwargs = env, dict(tasks or {}), kwargs
        self.task_setter, self.num_workers = task_setter, num_workers
        if num_workers is not None:
            check_integer("num_workers", num_workers, minimum=0)
        make, set_task = making.maker(env, kwargs), making.setter(task_setter)
        example = {name: making.plain(p.example) for name, p in self.tasks.items()}
        first = making.make_first(make, {} if set_task else example)
        self._spaces = SpaceAdapter(first.observation_space, first.action_space)
        self._setup = (make, set_task, first.observation_space, first.action_space)
        first.close()
        self.vectorized = vectorized
        self._runner = EpisodeRunner
        if vectorized:
            vector = making.vector_maker(env, horizon, kwargs, task_setter)
            self._runner, self._setup = VectorRunner, (vector, first.observation_space)
        super().__init__(
            self._spaces.observation_shape,
            self._spaces.actions,
            horizon,
            # A float32 has 24 random bits, a seed 32.
            reset_noise=2,
            seed=seed,
        )
        self._lock = threading.Lock()
        self._pool = None
        self._group_numbers = itertools.count()
        # Steps taken in each group of episodes that is under way.
        self._times = {}

    def sample(self, first_task, num_tasks):
        drawn = {
            name: parameter.sample(self.uniform(first_task, num_tasks, parameter.shape, stream))
            for stream, (name, parameter) in enumerate(sorted(self.tasks.items()))
        }
        # A batch of tasks without parameters still has a size.
        return drawn or tf.zeros([num_tasks, 0])

    def reset(self, task, noise):
        names = sorted(task) if isinstance(task, dict) else []
        reset = functools.partial(self._reset, names)
        arrays = [noise, *(task[name][:, 0] for name in names)]
        state, observation = tf.numpy_function(reset, arrays, [tf.int64, tf.float32])
        return self._shaped(noise.shape[:2], state, observation)

    def step(self, task, state, action, noise):
        types = [tf.int64, tf.float32, tf.float32, tf.bool, tf.bool]
        results = tf.numpy_function(self._step, [state, action], types)
        return self._shaped(state.shape[:2], *results)

    def close(self):
        """Ends the worker processes. The next reset starts them again."""
        with self._lock:
            if self._pool is not None:
                self._pool.close()
            self._pool = None
            self._times.clear()

    def _shaped(self, batch, state, observation, *others):
        state.set_shape([*batch, 2])
        observation.set_shape([*batch, *self.observation_shape])
        for x in others:
            x.set_shape(batch)
        return state, observation, *others

    def _reset(self, names, noise, *values):
        num_tasks, num_episodes = noise.shape[:2]
        tasks = [
            {name: making.plain(v[i]) for name, v in zip(names, values, strict=True)}
            for i in range(num_tasks)
        ]
        task_indices = np.repeat(np.arange(num_tasks), num_episodes)
        # 31 bits.
        seeds = (noise.astype(np.float64) * [2**30, 2**15]).astype(np.int64).sum(-1).ravel()
        with self._lock:
            if self._pool is None or not self._pool.close.alive:
                workers = self.num_workers
                workers = (os.cpu_count() or 1) if workers is None else workers
                workers = 0 if self.vectorized else workers
                self._pool, self._times = WorkerPool(self._setup, workers, self._runner), {}
            while len(self._times) >= _MAX_GROUPS:
                self._release(next(iter(self._times)))
            group = next(self._group_numbers)
            self._times[group] = 0
            shares = [(group, tasks, task_indices[share], seeds[share]) for share in self._shares()]
            observations = self._gather(len(seeds), self._request(group, "reset", shares))
        state = np.broadcast_to(np.array([group, 0]), [num_tasks, num_episodes, 2])
        return state, self._spaces.observations(observations, [num_tasks, num_episodes])

    def _step(self, state, action):
        batch = state.shape[:2]
        if action.shape[:2] != batch:
            raise ValueError(
                f"`action` must have the leading axes {batch} of `state`. Received: shape "
                f"{action.shape}"
            )
        actions = self._spaces.to_gymnasium(action)
        group, time = state.reshape(-1, 2)[0].tolist()
        with self._lock:
            if self._times.get(group) != time:
                raise ValueError(
                    "A Gymnasium environment only goes forward: `step` takes the state that the "
                    "last `reset` or `step` of its episodes returned. Received: the state at step "
                    f"{time} of episodes that are at step {self._times.get(group, 'their end')}."
                )
            shares = [(group, actions[share]) for share in self._shares()]
            answers = self._request(group, "step", shares)
            results = [self._gather(len(actions), x) for x in zip(*answers, strict=True)]
            observations, rewards, terminated, truncated = results
            self._times[group] = time + 1
            if time == 0 and self.horizon > 1 and (terminated | truncated).all():
                self._release(group)
                raise ValueError(
                    f"All episodes ended at their first step. Received: {len(actions)} episodes of "
                    f"{self.env} with horizon={self.horizon}. If that is right, set `horizon=1`."
                )
            if time + 1 == self.horizon:
                self._release(group)
        observations = self._spaces.observations(observations, batch)
        others = [x.reshape(batch) for x in (rewards, terminated, truncated)]
        return state + [0, 1], observations, *others

    def _request(self, group, method, shares):
        try:
            return self._pool.request(method, shares)
        except EpisodeError as error:
            self._release(group)
            name = getattr(self.env, "__name__", self.env)
            raise ValueError(f"The environment {name} failed. Received: {error}") from None

    def _release(self, group):
        del self._times[group]
        self._pool.request("release", [(group,)] * len(self._pool))

    def _shares(self):
        """The episodes of each worker: not neighbours, which end about the same time."""
        count = len(self._pool)
        return [slice(i, None, count) for i in range(count)]

    def _gather(self, size, parts):
        whole = np.empty((size, *parts[0].shape[1:]), parts[0].dtype)
        for share, part in zip(self._shares(), parts, strict=True):
            whole[share] = part
        return whole

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            "env": serialize(self.env),
            "tasks": {name: serialize(parameter) for name, parameter in self.tasks.items()},
            "horizon": self.horizon,
            "task_setter": serialize(self.task_setter),
            "seed": self.seed,
            "num_workers": self.num_workers,
            "vectorized": self.vectorized,
            **self.kwargs,
        }

    @classmethod
    def from_config(cls, config):
        deserialize = keras.saving.deserialize_keras_object
        objects = {name: deserialize(config[name]) for name in ("env", "tasks", "task_setter")}
        return cls(**{**config, **objects})
