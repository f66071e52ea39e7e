"""Navigation in the plane."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import environments
from tests.environments.stand_ins import run


def returns(navigation, policy, num_tasks=20_000):
    """Mean return over tasks of a policy, a function of the goals and the positions."""
    goals = navigation.sample(0, num_tasks)
    episodes = tf.function(run)(navigation, goals, lambda x: policy(goals[:, None], x))
    return float(tf.reduce_mean(tf.reduce_sum(episodes.rewards, -1)))


@pytest.mark.parametrize(
    ("reward", "expected"),
    [
        # Means over the unit square around 0 of |g|, of |g|^2, and of a cone of radius 0.2.
        ("distance", -100 * (np.sqrt(2) + np.arcsinh(1)) / 6),
        ("squared_distance", -100 / 6),
        ("sparse", 100 * np.pi * 0.2**3 / 3),
    ],
)
def test_standing_still(reward, expected):
    navigation = environments.Navigation(reward=reward, sparse_radius=0.2)
    # The standard deviation of a return is at most 14.2, over the square root of 20,000 is 0.1.
    assert returns(navigation, lambda goal, x: 0 * x) == pytest.approx(expected, abs=0.15)


def test_a_perfect_policy():
    navigation = environments.Navigation()
    assert returns(navigation, lambda goal, x: (goal - x) / 0.1) == pytest.approx(-0.51, abs=0.01)


def test_goals_are_uniform():
    goals = environments.Navigation(goal_range=(-1.0, 3.0), seed=3).sample(0, 20_000).numpy()
    np.testing.assert_allclose(goals.mean(0), 1.0, atol=0.04)
    np.testing.assert_allclose(goals.var(0), 16 / 12, rtol=0.03)
    assert goals.min() >= -1 and goals.max() <= 3


@pytest.mark.parametrize(
    ("arguments", "action", "move"),
    [
        ({}, [0.5, -3.0], [0.05, -0.1]),
        ({"action_scale": 1.0}, [0.05, -0.5], [0.05, -0.1]),
        ({"max_step": 0.5, "action_scale": 1.0}, [0.3, -2.0], [0.3, -0.5]),
    ],
)
def test_the_move_that_an_action_means(arguments, action, move):
    navigation = environments.Navigation(**arguments)
    goal, position = tf.constant([[[0.3, 0.4]]]), tf.constant([[[0.1, 0.2]]])
    state, observed, reward, *_ = navigation.step(goal, position, tf.constant([[action]]), None)
    np.testing.assert_allclose(observed[0, 0], np.add([0.1, 0.2], move), rtol=1e-6)
    np.testing.assert_array_equal(state, observed)
    distance = np.hypot(*(np.add([0.1, 0.2], move) - [0.3, 0.4]))
    np.testing.assert_allclose(reward, [[-distance]], rtol=1e-6)


def test_an_episode_terminates_when_both_coordinates_are_near():
    goal = tf.constant([[[0.3, -0.2]]])
    positions = tf.constant([[[0.309, -0.209], [0.309, -0.211], [0.311, -0.2], [0.3, -0.2]]])
    step = environments.Navigation().step(goal, positions, 0 * positions, None)
    np.testing.assert_array_equal(step[3], [[True, False, False, True]])
    step = environments.Navigation(tolerance=0).step(goal, positions, 0 * positions, None)
    assert not np.any(step[3])


def test_a_sparse_reward():
    navigation = environments.Navigation(reward="sparse", sparse_radius=0.5)
    positions = tf.constant([[[0.0, 0.1], [0.3, 0.4], [1.0, 1.0]]])
    reward = navigation.step(tf.zeros([1, 1, 2]), positions, 0 * positions, None)[2]
    np.testing.assert_allclose(reward, [[0.4, 0.0, 0.0]], atol=1e-6)


def test_float64(float64):
    navigation = environments.Navigation()
    goals = navigation.sample(0, 3)
    episodes = run(navigation, goals, lambda x: (goals[:, None] - x) / 0.1)
    assert {x.dtype for x in episodes} == {tf.float64}
    np.testing.assert_allclose(episodes.last_observations[:, 0], goals, atol=1e-15)


def test_saving():
    navigation = environments.Navigation((-1, 1), 7, "sparse", 0.2, 1.0, 0.0, 0.3, seed=5)
    config = keras.saving.serialize_keras_object(navigation)
    loaded = keras.saving.deserialize_keras_object(config)
    assert loaded.get_config() == navigation.get_config()
    assert len(loaded.get_config()) == 8
    np.testing.assert_array_equal(loaded.sample(3, 4), navigation.sample(3, 4))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"goal_range": 0.5}, "Received: goal_range=0.5."),
        ({"horizon": 0}, "`horizon` must be at least 1. Received: horizon=0."),
        ({"reward": "dense"}, "`reward` must be one of .*Received: reward='dense'."),
        ({"max_step": 0}, "`max_step` must be a positive number. Received: max_step=0."),
        ({"action_scale": float("inf")}, "Received: action_scale=inf."),
        ({"tolerance": -1}, "`tolerance` must be a number of at least 0. Received: tolerance=-1."),
        ({"sparse_radius": "far"}, "Received: sparse_radius='far'."),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        environments.Navigation(**arguments)
