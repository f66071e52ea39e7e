"""Gymnasium environments as tasks."""

import importlib.util
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

gymnasium = pytest.importorskip("gymnasium", reason="Gymnasium is not installed")

from keras_meta.environments import (  # noqa: E402
    Choice,
    Continuous,
    Discrete,
    GymnasiumEnvironment,
    Uniform,
    half_cheetah_direction,
    half_cheetah_velocity,
    rollout,
)
from keras_meta.environments.gymnasium_environment import _MAX_GROUPS  # noqa: E402

# Without a graph, the error is not TensorFlow's.
FAILURE = (ValueError, tf.errors.InvalidArgumentError)

needs_mujoco = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("mujoco", "imageio"))),
    reason="MuJoCo or imageio, which Gymnasium's MuJoCo environments import, is not installed",
)


@pytest.fixture(autouse=True)
def working_directory(tmp_path, monkeypatch):
    """Where MuJoCo writes its log."""
    monkeypatch.chdir(tmp_path)


class UniformActions:
    """Actions that depend on the noise alone."""

    def __init__(self, num_actions=None, size=1):
        self.is_discrete, self.noise_size = num_actions is not None, size
        self._num_actions = num_actions

    def sample(self, outputs, noise):
        if self.is_discrete:
            return tf.cast(noise[..., 0] * self._num_actions, tf.int32)
        return 3 * noise - 1.5


class Line(gymnasium.Env):
    """A point that moves by its action, and fails as it is told."""

    observation_space = gymnasium.spaces.Box(-100, 100, (2,))
    action_space = gymnasium.spaces.Box(-1, 1, (1,))

    def __init__(self, fault="", goal=0.0, **kwargs):
        self.fault, self.goal = fault, goal
        if fault == "another space":
            self.observation_space = gymnasium.spaces.Box(-1, 1, (3,))

    def set_task(self, task):
        self.goal = task["goal"]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.position, self.time = self.np_random.uniform(), 0
        return self._observe(), {}

    def step(self, action):
        print("an environment may print")
        self.position, self.time = self.position + action[0], self.time + 1
        if self.fault == "error" and self.time == 2:
            raise RuntimeError("out of fuel")
        if self.fault == "exit":
            os._exit(7)
        ends = self.fault == "ends at once" or (self.fault == "ends" and self.time == 2)
        cut = self.fault == "cut" and self.time == 2
        reward = np.nan if self.fault == "nan reward" else -abs(self.position - self.goal)
        return self._observe(), reward, ends, cut, {}

    def _observe(self):
        fault = self.fault if self.time else ""
        if fault == "another shape":
            return np.zeros(1, np.float32)
        return np.array([np.nan if fault == "nan" else self.position, self.goal], np.float32)


def line(**kwargs):
    """A function in a module that imports TensorFlow, which workers do not."""
    return Line(**kwargs)


def act(environment, num_tasks=2, num_episodes=3, num_actions=None, size=1, seed=0, **kwargs):
    tasks = environment.sample(0, num_tasks)
    seeds = tf.stack([tf.range(num_tasks), tf.fill([num_tasks], seed)], 1)
    act = tf.function(
        lambda: rollout(
            environment,
            tasks,
            lambda x: x,
            UniformActions(num_actions, size),
            num_episodes,
            seeds,
        )
    )
    return act()


def faulty(fault, num_workers=0, horizon=4):
    return GymnasiumEnvironment(line, {"fault": Choice([fault])}, horizon, num_workers=num_workers)


@pytest.fixture
def environment():
    """A line in a worker process, which must be closed."""
    made = GymnasiumEnvironment(
        line, {"goal": Uniform(0.0, 2.0)}, 4, task_setter="set_task", num_workers=2
    )
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


@needs_mujoco
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


@needs_mujoco
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


@needs_mujoco
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


def test_cart_pole():
    environment = GymnasiumEnvironment("CartPole-v1", {}, horizon=60, num_workers=1)
    assert environment.action_space == Discrete(2)
    trajectories = act(environment, num_tasks=2, num_episodes=4, num_actions=2)
    environment.close()
    lengths = trajectories.mask.numpy().sum(-1)
    assert trajectories.observations.shape == (2, 4, 60, 4)
    assert trajectories.terminated.numpy().all() and (lengths < 60).all()
    np.testing.assert_array_equal(trajectories.rewards.numpy().sum(-1), lengths)


def test_a_vector_environment_steps_like_many_environments():
    tasks = {"sutton_barto_reward": Choice([False, True])}
    fast = GymnasiumEnvironment("CartPole-v1", tasks, horizon=700, vectorized=True)
    slow = GymnasiumEnvironment("CartPole-v1", tasks, horizon=700, num_workers=0)
    x = act(fast, num_tasks=6, num_episodes=4, num_actions=2)
    for a, b in zip(x, act(fast, num_tasks=6, num_episodes=4, num_actions=2), strict=True):
        np.testing.assert_array_equal(a, b)
    y = act(slow, num_tasks=6, num_episodes=4, num_actions=2)
    is_sutton = fast.sample(0, 6)["sutton_barto_reward"].numpy()
    assert 0 < is_sutton.sum() < 6
    for trajectories in (x, y):
        length, total = (a.numpy().sum(-1) for a in (trajectories.mask, trajectories.rewards))
        expected = np.where(is_sutton[:, None], -1, length)
        np.testing.assert_array_equal(total, expected)
        assert trajectories.terminated.numpy().all() and (length < 200).all()
    # Balanced by hand, an episode outlasts the limit that the environment is registered with.
    task, noise = fast.sample(0, 1), tf.fill([1, 1, 2], 0.5)
    state, observation = fast.reset({name: x[:, None] for name, x in task.items()}, noise)
    for _ in range(600):
        push = tf.cast(tf.linalg.matvec(observation, [0.0, 0.2, 1.0, 0.5]) > 0, tf.int32)
        state, observation, _, terminated, truncated = fast.step(task, state, push, None)
    assert not terminated.numpy().any() and not truncated.numpy().any()


@pytest.mark.parametrize(
    "env, task_setter, message",
    [
        ("CartPole-v1", "set_task", "task_setter=set_task"),
        ("Pendulum-v1", None, "vector_entry_point.*Received: env=Pendulum-v1"),
    ],
)
def test_what_has_no_vector_form_is_refused(env, task_setter, message):
    with pytest.raises(ValueError, match=message):
        GymnasiumEnvironment(env, {}, 5, task_setter, vectorized=True)


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


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize(
    "fault, message",
    [
        ("nan", "observation in step 0 .*'fault': 'nan'.* not finite: .nan"),
        ("nan reward", "reward in step 0 .*'fault': 'nan reward'.* not finite: nan"),
        ("another shape", r"shape \(2,\) of the observation space. Received: shape \(1,\)"),
        ("error", "line failed. Received: RuntimeError in step 1 .*'error'.*out of fuel"),
        ("ends at once", "ended at their first step. Received: 6 episodes.* set `horizon=1`"),
    ],
)
def test_a_fault_of_an_environment_is_reported(fault, message, num_workers):
    environment = faulty(fault, num_workers)
    with pytest.raises(FAILURE, match=message):
        act(environment)
    # The workers are still there.
    with pytest.raises(FAILURE, match=message):
        act(environment)
    environment.close()


def test_tasks_with_other_spaces_are_refused():
    environment = GymnasiumEnvironment(
        line, {"fault": Choice(["", "another space"])}, 4, num_workers=0
    )
    with pytest.raises(FAILURE, match="same spaces. Received: .*3,"):
        act(environment, num_tasks=10)


def test_a_dead_worker_is_reported_and_replaced(environment):
    act(environment)
    os.kill(environment._pool.processes[1].pid, signal.SIGKILL)
    with pytest.raises(tf.errors.UnknownError, match="has died. Received: exit code -9"):
        act(environment)
    assert np.isfinite(act(environment).rewards).all()


def test_an_environment_that_ends_its_worker_is_reported():
    with pytest.raises(tf.errors.UnknownError, match="exit code 7"):
        act(faulty("exit", num_workers=1))


def test_workers_end_with_a_killed_parent_and_import_no_tensorflow(tmp_path):
    script = tmp_path / "script.py"
    # Without a guard of the main module, which starting processes by `spawn` would need.
    script.write_text(
        """
import sys, time, gymnasium, tensorflow as tf
from keras_meta import environments

class Modules(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(0, 1, (1,))
    action_space = gymnasium.spaces.Discrete(2)
    def reset(self, *, seed=None, options=None):
        return [float("tensorflow" in sys.modules or "keras_meta" in sys.modules)], {}

environment = environments.GymnasiumEnvironment(Modules, {}, 3, num_workers=2)
_, observation = environment.reset(environment.sample(0, 1), tf.zeros([1, 2, 2]))
print(observation.numpy().sum(), *[p.pid for p in environment._pool.processes], flush=True)
time.sleep(60)
"""
    )
    process = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    imported, *workers = process.stdout.readline().split()
    assert imported == "0.0" and all(_is_running(pid) for pid in workers)
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 10
    while any(_is_running(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(workers) == 2 and not any(_is_running(pid) for pid in workers)


def _is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


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


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Uniform(1.0, 0.0), "low=1.0, high=0.0"),
        (lambda: Uniform(0.0, np.inf), "high=inf"),
        (lambda: Choice([]), r"values=\[\]"),
    ],
)
def test_impossible_parameters_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


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
