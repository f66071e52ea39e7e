"""Episodes in Gymnasium environments, run by a worker process.

The process runs this file by its path. The file therefore imports nothing of this package, and with
it no TensorFlow, which would take seconds and hundreds of megabytes in each worker.
"""

import os
import pickle
import signal
import sys
import traceback

import numpy as np


class EpisodeError(Exception):
    """An environment failed in a task, which the message names."""


class EpisodeRunner:
    """Steps many environments in turn, and keeps them for the next episodes.

    Args:
        make: Callable of keyword arguments that returns a `gymnasium.Env`.
        set_task: `None`, if the parameters of a task are keyword arguments of `make`; or a callable
            of an environment and a dict of parameters.
        observation_space: The space that each environment must have.
        action_space: The space that each environment must have.
    """

    def __init__(self, make, set_task, observation_space, action_space):
        self._make = make
        self._set_task = set_task
        self._observation_space = observation_space
        self._action_space = action_space
        self._groups = {}
        # Environments out of use, by the arguments that they were made with.
        self._idle = {}

    def reset(self, group, tasks, task_indices, seeds):
        """Starts a group of episodes.

        Args:
            group: int, the name of the group in later requests.
            tasks: List of dicts of parameters.
            task_indices: int array `[episodes]`.
            seeds: int array `[episodes]`.

        Returns:
            Array of observations `[episodes, ...]`.
        """
        episodes = self._groups[group] = _Episodes(self._observation_space, len(seeds))
        keys = [() if self._set_task else key_of(task) for task in tasks]
        for i, (index, seed) in enumerate(zip(task_indices, seeds, strict=True)):
            task = tasks[index]
            with _Blame("at reset", task):
                idle = self._idle.get(keys[index])
                env = idle.pop() if idle else self._new(task)
                episodes.add(env, task, keys[index])
                if self._set_task:
                    self._set_task(env, task)
                episodes.observe(i, env.reset(seed=int(seed))[0])
        self._close_superfluous()
        episodes.check_finite("at reset")
        return episodes.observations

    def step(self, group, actions):
        """Takes one step in all episodes of a group that have not ended.

        Args:
            group: int.
            actions: Array `[episodes, ...]`.

        Returns:
            Tuple of arrays `(observations, rewards, terminated, truncated)`. An episode that had
            ended keeps its last observation and has a reward of 0.
        """
        episodes = self._groups[group]
        rewards = np.zeros(len(actions), np.float32)
        when = f"in step {episodes.time}"
        for i in np.flatnonzero(~(episodes.terminated | episodes.truncated)):
            with _Blame(when, episodes.tasks[i]):
                observation, rewards[i], ends, cut, _ = episodes.envs[i].step(actions[i])
                episodes.observe(i, observation)
                episodes.terminated[i], episodes.truncated[i] = ends, cut
        episodes.time += 1
        episodes.check_finite(when, rewards)
        return episodes.observations, rewards, episodes.terminated, episodes.truncated

    def release(self, group):
        """Ends a group, whose environments others may use."""
        episodes = self._groups.pop(group, None)
        if episodes is not None:
            for env, key in zip(episodes.envs, episodes.keys, strict=True):
                self._idle.setdefault(key, []).append(env)

    def _new(self, task):
        env = self._make() if self._set_task else self._make(**task)
        declared = (self._observation_space, self._action_space)
        if (env.observation_space, env.action_space) != declared:
            raise ValueError(
                "all tasks of an environment must have the same spaces. Received: "
                f"{env.observation_space} and {env.action_space}, where the first task has "
                f"{declared[0]} and {declared[1]}"
            )
        return env

    def _close_superfluous(self):
        """Bounds what is kept: as many out of use as in use, the first made going first."""
        in_use = sum(len(episodes.envs) for episodes in self._groups.values())
        superfluous = sum(map(len, self._idle.values())) - in_use
        for key in list(self._idle):
            while superfluous > 0 and self._idle[key]:
                self._idle[key].pop(0).close()
                superfluous -= 1
            if not self._idle[key]:
                del self._idle[key]


class _Episodes:
    """A group of episodes: environments, and the last that they showed."""

    def __init__(self, space, size):
        self.envs, self.tasks, self.keys = [], [], []
        self.time = 0
        self.observations = np.zeros((size, *space.shape), np.float32)
        self.terminated = np.zeros(size, bool)
        self.truncated = np.zeros(size, bool)

    def add(self, env, task, key):
        for values, value in ((self.envs, env), (self.tasks, task), (self.keys, key)):
            values.append(value)

    def observe(self, i, observation):
        # Without the check, an observation of another shape might broadcast.
        if np.shape(observation) != self.observations.shape[1:]:
            raise ValueError(
                f"an observation must have the shape {self.observations.shape[1:]} of the "
                f"observation space. Received: shape {np.shape(observation)}"
            )
        self.observations[i] = observation

    def check_finite(self, when, rewards=None):
        for name, values in (("observation", self.observations), ("reward", rewards)):
            if values is not None and not np.isfinite(values).all():
                i = next(i for i, value in enumerate(values) if not np.isfinite(value).all())
                raise EpisodeError(
                    f"the {name} {when} of an episode of the task {self.tasks[i]} is not finite: "
                    f"{values[i]}"
                )


class _Blame:
    """Says of which task an error is."""

    def __init__(self, when, task):
        self._when, self._task = when, task

    def __enter__(self): ...

    def __exit__(self, kind, error, _):
        if isinstance(error, Exception):
            raise EpisodeError(
                f"{kind.__name__} {self._when} of an episode of the task {self._task}: {error}"
            ) from error


def key_of(task):
    """A hashable form of a dict of parameters."""
    return tuple(
        (name, value.tobytes() if isinstance(value, np.ndarray) else value)
        for name, value in sorted(task.items())
    )


def answer(runner, request):
    """Answers a request, a tuple of the name of a method and its arguments.

    Returns:
        Tuple `(value, None)`, or `(None, message)` if an environment failed.
    """
    method, *arguments = request
    try:
        return getattr(runner, method)(*arguments), None
    except Exception as error:
        return None, _report(error)


def _report(error):
    # Where in the environment; where in this file says little.
    own = error.__cause__ if isinstance(error, EpisodeError) else error
    return f"{error}\n{''.join(traceback.format_exception(own)) if own else ''}"


def _protect_streams():
    """Returns streams of requests and answers, from which environments are kept away."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    # What an environment prints must not mix with the answers.
    os.dup2(2, 1)
    return requests, answers


class _Maker:
    """Makes environments, and has MuJoCo say once what it would say of hundreds."""

    def __init__(self, make):
        self._make = make
        self._seen = set()

    def __call__(self, **kwargs):
        env = self._make(**kwargs)
        # Without a handler, MuJoCo also writes each warning to a file in the working directory.
        mujoco = sys.modules.get("mujoco")
        if mujoco is not None and mujoco.get_mju_user_warning() is None:
            mujoco.set_mju_user_warning(self._warn)
        return env

    def _warn(self, message):
        if message not in self._seen:
            self._seen.add(message)
            print(f"MuJoCo: {message}", file=sys.stderr, flush=True)


def main():
    """Answers the requests of the parent, whose end ends the worker; an interrupt is for it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers = _protect_streams()

    def send(value):
        pickle.dump(value, answers, protocol=5)
        answers.flush()

    try:
        sys.path[:] = pickle.load(requests)
        try:
            make, *others = pickle.load(requests)
        except Exception as error:
            send((None, f"a worker cannot import the environment: {_report(error)}"))
            return
        runner = EpisodeRunner(_Maker(make), *others)
        while True:
            send(answer(runner, pickle.load(requests)))
    except (EOFError, BrokenPipeError):
        # The parent has ended, by whatever means. Environments have nothing to say to that.
        os._exit(0)


if __name__ == "__main__":
    main()
