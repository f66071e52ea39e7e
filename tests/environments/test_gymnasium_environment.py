"""Gymnasium environments as tasks."""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

gymnasium = pytest.importorskip("gymnasium", reason="Gymnasium is not installed")

from keras_meta.environments import (  # noqa: E402
    Choice,
    Discrete,
    GymnasiumEnvironment,
    Uniform,
)
from keras_meta.environments.gymnasium_environment import _MAX_GROUPS  # noqa: E402
from tests.environments.gymnasium_cases import (  # noqa: E402
    FAILURE,
    Line,
    act,
    faulty,
    line,
    line_in_workers,
)
from tests.quick import slow  # noqa: E402


@pytest.fixture
def environment():
    made = line_in_workers()
    yield made
    made.close()


def test_an_episode_is_that_of_plain_gymnasium():
    environment = GymnasiumEnvironment(
        "Pendulum-v1", {"g": Choice([5.0, 10.0])}, horizon=5, num_workers=0
    )
    task = {"g": tf.constant([[10.0]])}
    noise = tf.constant([[[0.25, 0.5]]])
    actions = np.random.default_rng(0).uniform(-4, 4, (5, 1)).astype(np.float32)

    plain = gymnasium.make("Pendulum-v1", g=10.0)
    expected, _ = plain.reset(seed=2**28 + 2**14)
    state, observation = environment.reset(task, noise)
    np.testing.assert_array_equal(observation[0, 0], expected)
    for action in actions:
        state, observation, reward, terminated, truncated = environment.step(
            task, state, tf.constant(action[None, None]), None
        )
        clipped = np.clip(action, -2, 2)
        expected, expected_reward, *_ = plain.step(clipped)
        np.testing.assert_array_equal(observation[0, 0], expected)
        np.testing.assert_allclose(reward[0, 0], expected_reward, rtol=1e-6)
        assert not terminated.numpy().any() and not truncated.numpy().any()


@pytest.mark.slow
def test_cart_pole():
    environment = GymnasiumEnvironment("CartPole-v1", {}, horizon=60, num_workers=1)
    assert environment.action_space == Discrete(2)
    trajectories = act(environment, num_tasks=2, num_episodes=4, num_actions=2)
    environment.close()
    lengths = trajectories.mask.numpy().sum(-1)
    assert trajectories.observations.shape == (2, 4, 60, 4)
    assert trajectories.terminated.numpy().all() and (lengths < 60).all()
    np.testing.assert_array_equal(trajectories.rewards.numpy().sum(-1), lengths)


def test_discrete_observations_are_one_hot():
    environment = GymnasiumEnvironment("FrozenLake-v1", {}, horizon=3, num_workers=0)
    observations = act(environment, num_actions=4).observations
    assert environment.observation_shape == (16,)
    np.testing.assert_array_equal(observations[:, :, 0], np.broadcast_to(np.eye(16)[0], (2, 3, 16)))
    np.testing.assert_array_equal(observations.numpy().sum(-1), 1)


def test_the_same_seed_gives_the_same_episodes_on_any_number_of_workers(environment):
    here = GymnasiumEnvironment(line, environment.tasks, 4, task_setter="set_task", num_workers=0)
    there, again, expected = act(environment), act(environment), act(here)
    for x, y, z in zip(there, again, expected, strict=True):
        np.testing.assert_array_equal(x, y)
        np.testing.assert_array_equal(x, z)
    assert np.unique(expected.observations[:, :, 0, 0]).size == 6
    goals = here.sample(0, 2)["goal"]
    np.testing.assert_allclose(expected.observations[:, 0, 0, 1], goals)
    assert (act(here, seed=1).observations[0, 0, 0, 0] != expected.observations[0, 0, 0, 0]).numpy()


def test_groups_of_episodes_run_side_by_side(environment):
    task, noise = {"goal": tf.zeros([1, 1])}, tf.fill([1, 1, 2], 0.5)
    first, start = environment.reset(task, noise)
    second, _ = environment.reset(task, noise)
    second, *_ = environment.step(task, second, tf.ones([1, 1, 1]), None)
    first, moved, *_ = environment.step(task, first, tf.zeros([1, 1, 1]), None)
    np.testing.assert_array_equal(moved, start)
    for _ in range(_MAX_GROUPS):
        environment.reset(task, noise)
    with pytest.raises(FAILURE, match="only goes forward"):
        environment.step(task, first, tf.zeros([1, 1, 1]), None)


def test_a_step_cannot_be_taken_twice(environment):
    task = {"goal": tf.zeros([1, 1])}
    state, _ = environment.reset(task, tf.fill([1, 1, 2], 0.5))
    environment.step(task, state, tf.zeros([1, 1, 1]), None)
    with pytest.raises(FAILURE, match="at step 0 of episodes.* at step 1"):
        environment.step(task, state, tf.zeros([1, 1, 1]), None)


@pytest.mark.parametrize("fault, terminated", [("ends", 1), ("cut", 0), ("", 1)])
def test_ended_and_cut_off_are_told_apart(fault, terminated):
    trajectories = act(faulty(fault))
    assert (trajectories.terminated.numpy() == terminated).all()
    expected = [1, 1, 0, 0] if fault else [1, 1, 1, 1]
    np.testing.assert_array_equal(trajectories.mask, np.broadcast_to(expected, (2, 3, 4)))


FAULTS = {
    "nan": "observation in step 0 .*'fault': 'nan'.* not finite: .nan",
    "nan reward": "reward in step 0 .*'fault': 'nan reward'.* not finite: nan",
    "another shape": r"shape \(2,\) of the observation space. Received: shape \(1,\)",
    "error": "line failed. Received: RuntimeError in step 1 .*'error'.*out of fuel",
    "ends at once": "ended at their first step. Received: 6 episodes.* set `horizon=1`",
}
# A worker reports all of them in the same way.
IN_A_WORKER = [(fault, 1) if fault == "error" else slow(fault, 1) for fault in FAULTS]


@pytest.mark.parametrize("fault, num_workers", [*((x, 0) for x in FAULTS), *IN_A_WORKER])
def test_a_fault_of_an_environment_is_reported(fault, num_workers):
    environment = faulty(fault, num_workers)
    with pytest.raises(FAILURE, match=FAULTS[fault]):
        act(environment)
    # The workers are still there.
    with pytest.raises(FAILURE, match=FAULTS[fault]):
        act(environment)
    environment.close()


def test_tasks_with_other_spaces_are_refused():
    environment = GymnasiumEnvironment(
        line, {"fault": Choice(["", "another space"])}, 4, num_workers=0
    )
    with pytest.raises(FAILURE, match="same spaces. Received: .*3,"):
        act(environment, num_tasks=10)


@pytest.mark.parametrize(
    "actions, message",
    [
        ([[[np.nan]]], "must be finite. Received: .nan.*diverged"),
        ([[[1.0]], [[1.0]]], r"leading axes \(1, 1\).*shape \(2, 1, 1\)"),
    ],
)
def test_wrong_actions_are_refused(actions, message):
    environment = faulty("")
    state, _ = environment.reset(environment_task(), tf.zeros([1, 1, 2]))
    with pytest.raises(FAILURE, match=message):
        environment.step(None, state, tf.constant(actions), None)


def environment_task():
    return {"fault": tf.constant([[""]])}


def test_a_discrete_action_out_of_range_is_refused():
    environment = GymnasiumEnvironment("CartPole-v1", {}, 5, num_workers=0)
    state, _ = environment.reset(environment.sample(0, 1), tf.zeros([1, 1, 2]))
    with pytest.raises(FAILURE, match="between 0 and 1. Received: 2"):
        environment.step(None, state, tf.constant([[2]]), None)


@pytest.mark.parametrize("name", ["observation_space", "action_space"])
def test_other_spaces_are_refused(name, monkeypatch):
    monkeypatch.setattr(Line, name, gymnasium.spaces.MultiBinary(3))
    with pytest.raises(ValueError, match="must be .*Received: MultiBinary"):
        faulty("")


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(ImportError, match=r"pip install keras-meta\[rl\]"):
        GymnasiumEnvironment("CartPole-v1", {}, 5)


@pytest.mark.parametrize("parameter", [Uniform([0.0, 1.0], [2.0, 3.0]), Choice([1, 2, 5])])
def test_parameters_of_tasks(parameter):
    environment = GymnasiumEnvironment("CartPole-v1", {"x": parameter}, 5, "set_task")
    drawn = environment.sample(0, 200)["x"].numpy()
    if isinstance(parameter, Choice):
        assert set(drawn.tolist()) == {1, 2, 5}
    else:
        assert drawn.shape == (200, 2)
        np.testing.assert_allclose(drawn.mean(0), [1, 2], atol=0.15)
    np.testing.assert_array_equal(environment.sample(3, 1)["x"][0], drawn[3])


def test_environments_are_made_once_for_each_set_of_arguments(monkeypatch):
    made = []
    monkeypatch.setattr(Line, "__init__", lambda self, goal: made.append(goal))
    monkeypatch.setattr(Line, "fault", "", raising=False)
    monkeypatch.setattr(Line, "goal", 0.0, raising=False)
    environment = GymnasiumEnvironment(line, {"goal": Choice([0.0, 1.0])}, 4, num_workers=0)
    for _ in range(3):
        act(environment, num_tasks=4, num_episodes=2)
    # The first is of the constructor.
    assert len(made) == 1 + 8


def test_config():
    tasks = {"g": Uniform(5.0, 10.0), "render_mode": Choice(["rgb_array"])}
    environment = GymnasiumEnvironment("Pendulum-v1", tasks, 5, seed=3, num_workers=0)
    config = keras.saving.serialize_keras_object(environment)
    restored = keras.saving.deserialize_keras_object(config)
    assert restored.get_config() == environment.get_config()
    np.testing.assert_array_equal(restored.sample(0, 9)["g"], environment.sample(0, 9)["g"])
