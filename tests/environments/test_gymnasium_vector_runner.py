"""Environments of Gymnasium that step many episodes at once."""

import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("gymnasium", reason="Gymnasium is not installed")

from keras_meta.environments import Choice, GymnasiumEnvironment  # noqa: E402
from tests.environments.gymnasium_cases import act  # noqa: E402


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
