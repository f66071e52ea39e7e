"""Rollouts: a policy acts in an environment."""

import math

import keras
import numpy as np
import tensorflow as tf

from keras_meta.environments.trajectories import Trajectories
from keras_meta.inner_loop import random_numbers


def rollout(environment, tasks, policy, distribution, num_episodes, seeds):
    """Lets a policy act in a batch of tasks, all episodes of all tasks at a time.

    The episodes of a task depend on the task, the policy and the task's seed alone: not on the
    batch that contains it. Numbers have the type `keras.config.floatx()`.

    Args:
        environment: An `Environment`.
        tasks: A batch of tasks, nest of tensors `[tasks, ...]`.
        policy: Callable, observations `[tasks, episodes, ...]` to outputs `[tasks, episodes, ...]`.
        distribution: The distribution of actions, which interprets the outputs. See
            `policy_gradients.distributions`.
        num_episodes: int. Number of episodes in each task.
        seeds: int tensor `[tasks, 2]`, on which all chance depends.

    Returns:
        `Trajectories` with a leading axis of tasks.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta import environments

    class Greedy:
        noise_size, is_discrete = 0, False

        def sample(self, outputs, noise):
            return outputs

    navigation = environments.Navigation()
    goals = navigation.sample(first_task=0, num_tasks=3)
    seeds = tf.constant([[0, 0], [0, 1], [0, 2]])
    episodes = environments.rollout(navigation, goals, tf.zeros_like, Greedy(), 5, seeds)
    assert episodes.observations.shape == (3, 5, 100, 2)
    ```
    """
    horizon, num_tasks = environment.horizon, keras.ops.shape(seeds)[0]
    floatx = tf.as_dtype(keras.config.floatx())
    tasks = tf.nest.map_structure(lambda x: x[:, None], tasks)

    largest = np.nextafter(floatx.as_numpy_dtype(1), floatx.as_numpy_dtype(0))

    def noise(stream, steps, size):
        """Uniform numbers `[steps, tasks, episodes, size]`."""
        shape = [steps, num_episodes, size]

        def of_task(seed):
            numbers = random_numbers.uniform(math.prod(shape), [seed[0], seed[1], stream])
            # Rounded to fewer bits, a number just below 1 would be 1, whose normal quantile is inf.
            numbers = tf.minimum(tf.cast(numbers, floatx), largest)
            return tf.reshape(numbers, shape)

        if not size:
            return tf.zeros([steps, num_tasks, num_episodes, 0], floatx)
        return tf.transpose(tf.vectorized_map(of_task, seeds), [1, 0, 2, 3])

    of_actions = noise(0, horizon, distribution.noise_size)
    of_steps = noise(1, horizon, environment.step_noise)
    state, observation = environment.reset(tasks, noise(2, 1, environment.reset_noise)[0])

    def step(time, state, observation, alive, terminated, arrays):
        outputs = tf.cast(policy(observation), floatx)
        action = distribution.sample(outputs, of_actions[time])
        state, after, reward, ends, cut = environment.step(tasks, state, action, of_steps[time])
        # Chosen, not multiplied: after its end an episode may run into what is not a number.
        reward = tf.where(alive, reward, tf.zeros_like(reward))
        values = (observation, action, reward, tf.cast(alive, floatx), outputs)
        arrays = [array.write(time, x) for array, x in zip(arrays, values, strict=True)]
        ends = tf.convert_to_tensor(ends)
        keep = alive[(..., *[tf.newaxis] * (after.shape.rank - 2))]
        return (
            time + 1,
            state,
            tf.where(keep, after, observation),
            alive & ~ends & ~tf.convert_to_tensor(cut),
            terminated | (alive & ends),
            arrays,
        )

    alive = tf.ones([num_tasks, num_episodes], tf.bool)
    actions = tf.int32 if distribution.is_discrete else floatx
    dtypes = [observation.dtype, actions, floatx, floatx, floatx]
    _, _, observation, alive, terminated, arrays = tf.while_loop(
        lambda time, *_: time < horizon,
        step,
        (
            tf.constant(0),
            state,
            observation,
            alive,
            tf.zeros_like(alive),
            [tf.TensorArray(dtype, horizon) for dtype in dtypes],
        ),
        parallel_iterations=1,
    )
    stacked = [array.stack() for array in arrays]
    # [horizon, tasks, episodes, ...] to [tasks, episodes, horizon, ...]
    by_episode = [tf.transpose(x, [1, 2, 0, *range(3, x.shape.rank)]) for x in stacked]
    observations, actions, rewards, mask, outputs = by_episode
    if environment.ends_at_horizon:
        terminated = terminated | alive
    return Trajectories(
        observations,
        actions,
        rewards,
        mask,
        tf.cast(terminated, floatx),
        observation,
        outputs,
    )
