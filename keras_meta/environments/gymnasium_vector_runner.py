"""Episodes in Gymnasium's vector environments, which step many episodes by one call."""

import numpy as np

from keras_meta.environments.gymnasium_worker import EpisodeError, key_of


class VectorRunner:
    """Steps episodes by vector environments, one for all episodes with the same parameters.

    Its methods are those of `EpisodeRunner`.

    Args:
        make: Callable of `num_envs` and keyword arguments that returns a
            `gymnasium.vector.VectorEnv`.
        observation_space: The space of one observation.
    """

    def __init__(self, make, observation_space):
        self._make = make
        self._space = observation_space
        self._groups = {}

    def reset(self, group, tasks, task_indices, seeds):
        members = {}
        for task, indices in zip(tasks, _episodes_of(task_indices, len(tasks)), strict=True):
            members.setdefault(key_of(task), (task, []))[1].extend(indices)
        observations = np.zeros([len(seeds), *self._space.shape], np.float32)
        parts = []
        for task, indices in members.values():
            env = self._make(num_envs=len(indices), **task)
            # A vector environment has one generator of random numbers for all its episodes.
            observations[indices], _ = env.reset(seed=int(seeds[indices[0]]))
            parts.append((env, task, indices))
        ended = np.zeros([2, len(seeds)], bool)
        self._groups[group] = (parts, observations, ended)
        return observations

    def step(self, group, actions):
        parts, observations, ended = self._groups[group]
        rewards = np.zeros(len(actions), np.float32)
        alive = ~ended.any(0)
        for env, task, indices in parts:
            indices = np.asarray(indices)
            after, reward, *ends, _ = env.step(actions[indices])
            # What follows an end is an episode that the vector environment has begun by itself.
            own = alive[indices]
            kept = indices[own]
            observations[kept], rewards[kept] = after[own], reward[own]
            ended[:, kept] = np.stack(ends)[:, own]
            for name, values in (("observation", observations), ("reward", rewards)):
                if not np.isfinite(values[kept]).all():
                    raise EpisodeError(
                        f"the {name} of an episode of the task {task} is not finite: {values[kept]}"
                    )
        return observations, rewards, *ended

    def release(self, group):
        for env, *_ in self._groups.pop(group, ([],))[0]:
            env.close()


def _episodes_of(task_indices, num_tasks):
    return [np.flatnonzero(task_indices == i).tolist() for i in range(num_tasks)]
