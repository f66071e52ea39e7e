"""Half-cheetahs of MuJoCo as tasks."""

import importlib.util

import numpy as np
import pytest
import tensorflow as tf

gymnasium = pytest.importorskip("gymnasium", reason="Gymnasium is not installed")

from keras_meta.environments import (  # noqa: E402
    Continuous,
    half_cheetah_direction,
    half_cheetah_velocity,
)

pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("mujoco", "imageio"))),
    reason="MuJoCo or imageio, which Gymnasium's MuJoCo environments import, is not installed",
)


@pytest.fixture(autouse=True)
def working_directory(tmp_path, monkeypatch):
    """Where MuJoCo writes its log."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_half_cheetah_directions_pay_opposite_velocities():
    environment = half_cheetah_direction(horizon=3, num_workers=0)
    assert environment.observation_shape == (17,) and environment.action_space == Continuous(6)
    weights = tf.constant([[1.0], [-1.0]])
    noise = tf.fill([2, 1, 2], 0.3)
    state, first = environment.reset({"forward_reward_weight": weights}, noise)
    action = tf.fill([2, 1, 6], 0.5)
    _, after, reward, _, _ = environment.step(None, state, action, None)
    np.testing.assert_array_equal(first[0], first[1])
    np.testing.assert_array_equal(after[0], after[1])
    cost = 0.05 * 6 * 0.25
    np.testing.assert_allclose(reward[0, 0] + cost, -(reward[1, 0] + cost), rtol=1e-5)
    assert abs(reward[0, 0] + cost) > 1e-3


def test_half_cheetah_velocity_pays_for_the_distance_to_it():
    environment = half_cheetah_velocity(horizon=3, num_workers=1)
    state, _ = environment.reset(
        {"velocity": tf.constant([[0.5], [2.0]])}, tf.fill([2, 1, 2], 0.25)
    )
    _, _, reward, _, _ = environment.step(None, state, tf.zeros([2, 1, 6]), None)
    environment.close()
    plain = gymnasium.make("HalfCheetah-v5")
    plain.reset(seed=2**28 + 2**13)
    velocity = plain.step(np.zeros(6, np.float32))[4]["x_velocity"]
    expected = [-abs(velocity - 0.5), -abs(velocity - 2.0)]
    np.testing.assert_allclose(reward[:, 0], expected, rtol=1e-5)


def test_mujoco_warns_once_in_a_worker(capfd, tmp_path):
    # The constructor makes one here.
    environment = half_cheetah_velocity(horizon=3, num_workers=1)
    log = tmp_path / "MUJOCO_LOG.TXT"
    before = log.read_text().count("WARNING") if log.exists() else 0
    capfd.readouterr()
    environment.reset({"velocity": tf.zeros([5, 1])}, tf.zeros([5, 4, 2]))
    environment.close()
    assert capfd.readouterr().err.count("settotalmass") <= 2
    assert (log.read_text().count("WARNING") if log.exists() else 0) <= before + 1
