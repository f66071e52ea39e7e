"""Bernoulli bandits."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import environments
from tests.environments.stand_ins import run


def test_probabilities_are_uniform():
    drawn = environments.BernoulliBandit(num_arms=3).sample(0, 20_000).numpy()
    assert drawn.shape == (20_000, 3)
    np.testing.assert_allclose(drawn.mean(0), 0.5, atol=0.01)
    np.testing.assert_allclose(drawn.var(0), 1 / 12, rtol=0.03)


def test_an_arm_pays_with_its_probability():
    bandit = environments.BernoulliBandit(num_arms=3, horizon=100)
    probabilities = tf.constant([[0.0, 0.3, 1.0]])
    arms = tf.tile([[0, 1, 2]], [1, 400])
    episodes = run(bandit, probabilities, lambda x: arms, num_episodes=1200)
    rewards = episodes.rewards.numpy().reshape(400, 3, 100)
    assert set(np.unique(rewards)) == {0.0, 1.0}
    assert not rewards[:, 0].any() and rewards[:, 2].all()
    # 40,000 pulls, a standard error of 0.0023.
    assert rewards[:, 1].mean() == pytest.approx(0.3, abs=0.01)


def test_observations_have_the_previous_action_and_reward():
    bandit = environments.BernoulliBandit(num_arms=3, horizon=4)
    # Pulls the arm after the last one; the first pull is arm 0.
    policy = lambda x: tf.cast(x[..., 0] + 2 * x[..., 1], tf.int32)  # noqa: E731
    episodes = run(bandit, tf.constant([[1.0, 0.0, 1.0]]), policy)
    assert bandit.observation_shape == (5,)
    np.testing.assert_array_equal(episodes.actions, [[[0, 1, 2, 0]]])
    expected = [[0, 0, 0, 0, 1], [1, 0, 0, 1, 1], [0, 1, 0, 0, 1], [0, 0, 1, 1, 1]]
    np.testing.assert_array_equal(episodes.observations[0, 0], expected)
    np.testing.assert_array_equal(episodes.last_observations[0, 0], [1, 0, 0, 1, 1])
    np.testing.assert_array_equal(episodes.terminated, [[1]])


def test_a_constant_observation():
    bandit = environments.BernoulliBandit(num_arms=3, horizon=4, observe_last=False)
    episodes = run(bandit, bandit.sample(0, 2), lambda x: x[..., 0], num_episodes=5)
    assert bandit.observation_shape == (1,)
    np.testing.assert_array_equal(episodes.observations, np.ones([2, 5, 4, 1]))


def test_float64(float64):
    bandit = environments.BernoulliBandit()
    episodes = run(bandit, bandit.sample(0, 2), lambda x: x[..., 0])
    assert episodes.observations.dtype == episodes.rewards.dtype == tf.float64


def test_saving():
    bandit = environments.BernoulliBandit(4, 20, False, seed=3)
    assert bandit.get_config() == dict(num_arms=4, horizon=20, observe_last=False, seed=3)
    config = keras.saving.serialize_keras_object(bandit)
    loaded = keras.saving.deserialize_keras_object(config)
    assert loaded.get_config() == bandit.get_config()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_arms": 0}, ValueError, "`num_arms` must be at least 1. Received: num_arms=0."),
        ({"num_arms": 2.0}, TypeError, "Received: num_arms=2.0."),
        ({"observe_last": 1}, TypeError, "`observe_last` must be a bool. Received: observe_last=1"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        environments.BernoulliBandit(**arguments)
