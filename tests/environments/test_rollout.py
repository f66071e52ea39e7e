"""Rollouts."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import environments
from tests.environments.stand_ins import Noisy, Outputs, seeds
from tests.quick import quick_first


class Clock(environments.Environment):
    """Counts its steps. The task says after how many the episode terminates or is cut off."""

    def __init__(self, horizon=5, ends_at_horizon=True):
        super().__init__((2,), environments.Continuous(2), horizon)
        self.ends_at_horizon = ends_at_horizon

    def reset(self, task, noise):
        time = tf.zeros(keras.ops.shape(noise)[:2])
        return time, self._observed(time)

    def step(self, task, time, action, noise):
        time = time + 1
        # What follows the end is not a number.
        reward = tf.where(time > tf.minimum(task["end"], task["cut"]), np.nan, time)
        return time, self._observed(time), reward, time >= task["end"], time >= task["cut"]

    def _observed(self, time):
        return tf.stack([time, 10 * time], axis=-1)


class Walk(environments.Environment):
    """A walk of random starts and steps."""

    def __init__(self, horizon=6):
        super().__init__((2,), environments.Continuous(2), horizon, reset_noise=2, step_noise=2)

    def sample(self, first_task, num_tasks):
        return self.uniform(first_task, num_tasks, (2,))

    def reset(self, goal, noise):
        return noise, noise

    def step(self, goal, position, action, noise):
        position = position + action + noise - goal
        return position, position, tf.reduce_sum(position, -1), position[..., 0] > 2, False


def tell_time(task, **arguments):
    task = {key: tf.constant(value, tf.float32) for key, value in task.items()}
    return environments.rollout(
        Clock(**arguments), task, lambda x: x + 0.5, Outputs(), 2, seeds(len(task["end"]))
    )


@pytest.fixture(params=quick_first(["eager", "graph"], ["graph"]))
def rollout(request):
    def graph(environment, tasks, policy, distribution, num_episodes, seeds):
        return tf.function(
            lambda tasks, seeds: environments.rollout(
                environment, tasks, policy, distribution, num_episodes, seeds
            )
        )(tasks, seeds)

    return environments.rollout if request.param == "eager" else graph


def test_shapes_and_axes(rollout):
    walk = Walk()
    # The policy is a Keras model, which takes observations of all episodes of all tasks.
    policy = keras.layers.Dense(2)
    episodes = rollout(walk, walk.sample(0, 3), policy, Noisy(2), 4, seeds(3))
    shapes = {key: tuple(value.shape) for key, value in episodes._asdict().items()}
    assert shapes == {
        "observations": (3, 4, 6, 2),
        "actions": (3, 4, 6, 2),
        "rewards": (3, 4, 6),
        "mask": (3, 4, 6),
        "terminated": (3, 4),
        "last_observations": (3, 4, 2),
        "outputs": (3, 4, 6, 2),
    }
    np.testing.assert_allclose(episodes.outputs, policy(episodes.observations), atol=1e-6)


def test_masks_rewards_and_last_observations():
    never = 100
    # Terminates after 1 and 3 steps, is cut off after 2, both at once, goes on to the horizon.
    task = {"end": [1, 3, never, 2, never], "cut": [never, never, 2, 2, never]}
    episodes = tell_time(task)
    lengths = np.array([1, 3, 2, 2, 5])
    steps = np.arange(5)
    for episode in (0, 1):
        taken = steps < lengths[:, None]
        np.testing.assert_array_equal(episodes.mask[:, episode], taken)
        np.testing.assert_array_equal(episodes.rewards[:, episode], taken * (steps + 1))
        np.testing.assert_array_equal(episodes.last_observations[:, episode, 0], lengths)
        np.testing.assert_array_equal(episodes.last_observations[:, episode, 1], 10 * lengths)
        # Padding repeats the last observation: policies act on nothing that an episode has not had.
        observed = np.minimum(steps, lengths[:, None])
        np.testing.assert_array_equal(episodes.observations[:, episode, :, 0], observed)
        np.testing.assert_array_equal(episodes.actions[:, episode, :, 0], observed + 0.5)
        np.testing.assert_array_equal(episodes.terminated[:, episode], [1, 1, 0, 1, 1])


@pytest.mark.parametrize("ends_at_horizon", [True, False])
def test_the_horizon_ends_an_episode_or_cuts_it_off(ends_at_horizon):
    # The second one terminates at its last step in any case; the third was cut off before.
    task = {"end": [100, 5, 100], "cut": [100, 100, 4]}
    episodes = tell_time(task, ends_at_horizon=ends_at_horizon)
    expected = [[ends_at_horizon] * 2, [1, 1], [0, 0]]
    np.testing.assert_array_equal(episodes.terminated, expected)


def test_an_episode_is_a_function_of_task_and_seed(rollout):
    walk, policy = Walk(), lambda x: -0.3 * x
    goals, keys = walk.sample(0, 5), seeds(5)
    together = rollout(walk, goals, policy, Noisy(2), 4, keys)
    order = [3, 0]
    apart = rollout(walk, tf.gather(goals, order), policy, Noisy(2), 4, tf.gather(keys, order))
    for all_tasks, some in zip(together, apart, strict=True):
        np.testing.assert_allclose(tf.gather(all_tasks, order), some, rtol=1e-6)
    assert 0 < np.mean(together.terminated[:, :]) <= 1 and np.mean(together.mask) < 1


def test_episodes_and_seeds_differ():
    walk = Walk(horizon=2)
    goals = tf.zeros([3, 2])
    keys = tf.constant([[0, 1], [1, 0], [0, 1]])
    episodes = environments.rollout(walk, goals, tf.zeros_like, Noisy(2), 50, keys)
    for numbers in (episodes.observations[:, :, 0], episodes.actions[:, :, 0]):
        flat = np.reshape(numbers, [3, -1])
        np.testing.assert_array_equal(flat[0], flat[2])
        assert np.unique(flat[:2]).size == flat[:2].size
    # The noise of a start is not that of an action or of a step, nor that of one step another's.
    moves = episodes.observations[0, :, 1] - episodes.observations[0, :, 0]
    actions = episodes.actions[0]
    columns = [
        episodes.observations[0, :, 0],
        actions[:, 0],
        actions[:, 1],
        moves - actions[:, 0],
        episodes.last_observations[0] - episodes.observations[0, :, 1] - actions[:, 1],
    ]
    correlation = np.corrcoef(np.concatenate(columns, axis=1), rowvar=False)
    assert np.abs(correlation - np.eye(10)).max() < 0.6


def test_noise_is_below_1_after_rounding(monkeypatch):
    from keras_meta.inner_loop import random_numbers

    # The largest number that the generator returns.
    monkeypatch.setattr(
        random_numbers,
        "uniform",
        lambda n, key: tf.fill([n], tf.constant(1 - 2.0**-53, tf.float64)),
    )
    walk = Walk()
    episodes = environments.rollout(walk, walk.sample(0, 1), tf.zeros_like, Noisy(2), 1, seeds(1))
    assert np.isfinite(episodes.actions).all()
    assert (np.asarray(episodes.observations[:, :, 0]) < 1).all()


def test_a_batch_of_any_number_of_tasks():
    navigation = environments.Navigation(horizon=3)

    @tf.function(input_signature=[tf.TensorSpec([None, 2]), tf.TensorSpec([None, 2], tf.int32)])
    def run(goals, seeds):
        return environments.rollout(navigation, goals, tf.zeros_like, Noisy(2), 2, seeds)

    for num_tasks in (1, 3):
        goals = navigation.sample(0, num_tasks)
        expected = environments.rollout(
            navigation, goals, tf.zeros_like, Noisy(2), 2, seeds(num_tasks)
        )
        for found, value in zip(run(goals, seeds(num_tasks)), expected, strict=True):
            np.testing.assert_allclose(found, value, rtol=1e-5, atol=1e-7)


def test_float64(float64):
    navigation = environments.Navigation()
    episodes = environments.rollout(
        navigation, navigation.sample(0, 2), tf.zeros_like, Noisy(2), 3, seeds(2)
    )
    assert {value.dtype for value in episodes} == {tf.float64}
