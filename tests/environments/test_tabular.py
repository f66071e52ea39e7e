"""Markov decision processes that are tables."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import environments
from tests.environments.stand_ins import run

TASKS = {
    "transitions": [
        [[[0.0, 0.2, 0.8], [1.0, 0.0, 0.0]], [[0.5, 0.0, 0.5], [0, 1, 0]], [[0, 0, 1], [1, 0, 0]]],
        [[[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0], [0, 1, 0]], [[1, 0, 0], [1, 0, 0]]],
    ],
    "rewards": [[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [[-1.0, -2.0], [-3.0, -4.0], [-5.0, -6.0]]],
    "initial": [[0.5, 0.0, 0.5], [0.0, 0.0, 1.0]],
}


def fixed(**arguments):
    return environments.TabularMDP(num_states=3, num_actions=2, tasks=TASKS, **arguments)


def expected_rewards(task, action, horizon):
    """Mean rewards of one action always, by the distribution of states."""
    transitions, rewards, state = (
        np.array(TASKS[key][task]) for key in ("transitions", "rewards", "initial")
    )
    means = []
    for _ in range(horizon):
        means.append(state @ rewards[:, action])
        state = state @ transitions[:, action]
    return means


@pytest.mark.parametrize("action", [0, 1])
def test_mean_rewards_are_those_of_the_chain(action):
    mdp = fixed(horizon=5, reward_noise=0.5)
    policy = lambda x: action * tf.ones_like(x[..., 0])  # noqa: E731
    episodes = run(mdp, mdp.sample(0, 2), policy, num_episodes=20_000)
    for task in (0, 1):
        # The standard deviation of a reward is below 2.5: a standard error below 0.018.
        mean = episodes.rewards[task].numpy().mean(0)
        np.testing.assert_allclose(mean, expected_rewards(task, action, 5), atol=0.07)


def test_transitions_have_their_probabilities():
    mdp = fixed(horizon=2)
    episodes = run(mdp, mdp.sample(0, 1), lambda x: 0 * x[..., 0], num_episodes=40_000)
    first, second = episodes.observations[0, :, 0].numpy(), episodes.observations[0, :, 1].numpy()
    np.testing.assert_allclose(first.mean(0), TASKS["initial"][0], atol=0.01)
    assert first[:, 1].sum() == 0
    counts = first.T @ second
    np.testing.assert_allclose(counts[0] / counts[0].sum(), [0, 0.2, 0.8], atol=0.015)
    np.testing.assert_allclose(counts[2] / counts[2].sum(), [0, 0, 1])


def test_noise_of_rewards():
    noisy, exact = (fixed(horizon=1, reward_noise=noise) for noise in (1.5, 0.0))
    rewards, means = (
        run(mdp, mdp.sample(1, 1), lambda x: 0 * x[..., 0], 20_000).rewards
        for mdp in (noisy, exact)
    )
    np.testing.assert_array_equal(means, np.full([1, 20_000, 1], -5.0))
    assert np.std(rewards) == pytest.approx(1.5, rel=0.03)
    assert np.mean(rewards) == pytest.approx(-5, abs=0.05)


def test_fixed_tasks_take_turns():
    task = fixed().sample(3, 3)
    for key, table in TASKS.items():
        np.testing.assert_allclose(task[key], np.array(table)[[1, 0, 1]])


def test_random_tasks():
    task = environments.TabularMDP(num_states=4, num_actions=3).sample(0, 2000)
    transitions, rewards = task["transitions"].numpy(), task["rewards"].numpy()
    assert transitions.shape == (2000, 4, 3, 4) and rewards.shape == (2000, 4, 3)
    np.testing.assert_allclose(transitions.sum(-1), 1, rtol=1e-5)
    # A probability of Dirichlet(1, 1, 1, 1) has mean 1/4 and variance 3 / (16 * 5).
    np.testing.assert_allclose(transitions.mean((0, 1, 2)), 0.25, atol=0.005)
    np.testing.assert_allclose(transitions.var((0, 1, 2)), 3 / 80, rtol=0.05)
    assert rewards.mean() == pytest.approx(1, abs=0.03)
    assert rewards.std() == pytest.approx(1, abs=0.03)
    np.testing.assert_array_equal(task["initial"], np.tile([1, 0, 0, 0], [2000, 1]))


def test_observations_are_one_hot_states():
    mdp = environments.TabularMDP(num_states=4, num_actions=3, horizon=6)
    episodes = run(mdp, mdp.sample(0, 5), lambda x: 0 * x[..., 0], num_episodes=7)
    assert episodes.observations.shape == (5, 7, 6, 4)
    assert np.isin(episodes.observations, [0, 1]).all()
    np.testing.assert_array_equal(np.sum(episodes.observations, -1), np.ones([5, 7, 6]))
    np.testing.assert_array_equal(episodes.terminated, np.ones([5, 7]))


def test_float64(float64):
    mdp = environments.TabularMDP()
    task = mdp.sample(0, 2)
    assert {table.dtype for table in task.values()} == {tf.float64}
    episodes = run(mdp, task, lambda x: 0 * x[..., 0])
    assert episodes.observations.dtype == episodes.rewards.dtype == tf.float64


@pytest.mark.parametrize("tasks", [None, {key: np.array(table) for key, table in TASKS.items()}])
def test_saving(tasks):
    mdp = environments.TabularMDP(3, 2, horizon=4, reward_noise=0.1, tasks=tasks, seed=2)
    config = keras.saving.serialize_keras_object(mdp)
    loaded = keras.saving.deserialize_keras_object(config)
    assert loaded.get_config() == mdp.get_config()
    tf.nest.map_structure(np.testing.assert_array_equal, loaded.sample(1, 2), mdp.sample(1, 2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_states": 0}, "`num_states` must be at least 1. Received: num_states=0."),
        ({"reward_noise": -1}, "`reward_noise` must be .*Received: reward_noise=-1."),
        ({"num_states": 4, "num_actions": 2, "tasks": TASKS}, r"Received: shapes .*\(2, 3, 2, 3\)"),
        ({"tasks": {"rewards": [[[1.0]]]}}, r"Received: shapes {'rewards': \(1, 1, 1\)}"),
        (
            {"num_states": 3, "num_actions": 2, "tasks": {**TASKS, "initial": [[0.5, 0, 0.4]] * 2}},
            r"`tasks\['initial'\]` must have probabilities .*of at least 0.0 and sums from 0.9",
        ),
        (
            {"num_states": 3, "num_actions": 2, "tasks": {**TASKS, "initial": [[-1, 1, 1]] * 2}},
            "numbers of at least -1.0 and sums from 1.0",
        ),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        environments.TabularMDP(**arguments)
