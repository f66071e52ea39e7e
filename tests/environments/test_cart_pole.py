"""Cart-pole."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import environments
from tests.environments.stand_ins import run
from tests.quick import slow

GYMNASIUM = {
    "gravity": (9.8, 9.8),
    "cart_mass": (1.0, 1.0),
    "pole_mass": (0.1, 0.1),
    "half_length": (0.5, 0.5),
}


def balance(observation):
    """Pushes to the side to which the pole falls."""
    return tf.cast(observation[..., 2] + observation[..., 3] > 0, tf.int32)


def push_right(observation):
    return tf.ones_like(observation[..., 0], tf.int32)


@pytest.mark.parametrize(
    ("policy", "constants"),
    [
        slow(balance, {}),
        slow(push_right, {}),
        (balance, {"gravity": 5.0, "masscart": 0.7, "masspole": 0.4, "length": 0.9}),
    ],
)
def test_trajectories_are_those_of_gymnasium(policy, constants, float64):
    gymnasium = pytest.importorskip("gymnasium", reason="Gymnasium is not installed")
    names = ("gravity", "masscart", "masspole", "length")
    values = [constants.get(name, GYMNASIUM[own][0]) for name, own in zip(names, GYMNASIUM)]  # noqa: B905
    cart_pole = environments.CartPole(*[(value, value) for value in values], horizon=200)
    episodes = run(cart_pole, cart_pole.sample(0, 1), policy)

    reference = gymnasium.make("CartPole-v1").unwrapped
    for name, value in zip(names, values, strict=True):
        setattr(reference, name, value)
    reference.total_mass = reference.masscart + reference.masspole
    reference.polemass_length = reference.masspole * reference.length
    reference.reset(seed=0)
    reference.state = episodes.observations[0, 0, 0].numpy()
    steps = int(np.sum(episodes.mask))
    after = [*episodes.observations[0, 0, 1:steps].numpy(), episodes.last_observations[0, 0]]
    for number in range(steps):
        action = int(episodes.actions[0, 0, number])
        _, reward, terminated, _, _ = reference.step(action)
        np.testing.assert_allclose(reference.state, after[number], rtol=1e-9, atol=1e-12)
        assert reward == episodes.rewards[0, 0, number] == 1
        assert terminated == (number == steps - 1 and bool(episodes.terminated[0, 0]))
    assert (steps < 20) == (policy is push_right)


def test_the_limits():
    cart_pole = environments.CartPole(**GYMNASIUM)
    assert cart_pole.horizon == 500
    task = tf.nest.map_structure(lambda x: x[:, None], cart_pole.sample(0, 1))
    twelve_degrees = 12 * np.pi / 180
    states = np.zeros([1, 6, 4], "float32")
    states[0, :, 0] = [2.39, 2.41, -2.41, 0, 0, 0]
    states[0, :, 2] = [
        0,
        0,
        0,
        0.99 * twelve_degrees,
        1.01 * twelve_degrees,
        -1.01 * twelve_degrees,
    ]
    actions = tf.zeros([1, 6], tf.int32)
    _, _, reward, terminated, truncated = cart_pole.step(task, states, actions, None)
    np.testing.assert_array_equal(terminated, [[False, True, True, False, True, True]])
    np.testing.assert_array_equal(reward, np.ones([1, 6]))
    assert truncated is False


def test_an_episode_that_reaches_the_horizon_is_cut_off():
    cart_pole = environments.CartPole(**GYMNASIUM, horizon=9)
    episodes = run(cart_pole, cart_pole.sample(0, 2), balance, num_episodes=3)
    np.testing.assert_array_equal(episodes.mask, np.ones([2, 3, 9]))
    np.testing.assert_array_equal(episodes.terminated, np.zeros([2, 3]))


def test_constants_are_drawn_from_their_ranges():
    ranges = {
        "gravity": (8.0, 12.0),
        "cart_mass": (1.0, 2.0),
        "pole_mass": (0.1, 0.2),
        "half_length": (0.4, 0.6),
    }
    tasks = environments.CartPole(**ranges).sample(0, 5000)
    drawn = np.stack([tasks[name] for name in ranges])
    low, high = np.transpose(list(ranges.values()))
    np.testing.assert_allclose(drawn.min(1), low, rtol=0.01)
    np.testing.assert_allclose(drawn.max(1), high, rtol=0.01)
    np.testing.assert_allclose(drawn.mean(1), (low + high) / 2, rtol=0.02)
    assert np.abs(np.corrcoef(drawn) - np.eye(4)).max() < 0.06


def test_starts_are_near_upright():
    cart_pole = environments.CartPole()
    noise = tf.constant([[[0.0, 0.25, 0.5, 1.0]]])
    state, observation = cart_pole.reset(None, noise)
    np.testing.assert_allclose(state, [[[-0.05, -0.025, 0, 0.05]]], atol=1e-8)
    np.testing.assert_array_equal(state, observation)


def test_saving():
    cart_pole = environments.CartPole((9, 10), (1, 2), (0.1, 0.2), (0.5, 0.6), 50, seed=4)
    config = keras.saving.serialize_keras_object(cart_pole)
    loaded = keras.saving.deserialize_keras_object(config)
    assert loaded.get_config() == cart_pole.get_config()
    assert len(loaded.get_config()) == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gravity": 9.8}, "Received: gravity=9.8."),
        ({"cart_mass": (0, 1)}, r"`cart_mass` must be a range of positive .*cart_mass=\(0, 1\)."),
        ({"half_length": (2, 1)}, r"low <= high. Received: half_length=\(2, 1\)."),
        ({"horizon": 0}, "Received: horizon=0."),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        environments.CartPole(**arguments)
