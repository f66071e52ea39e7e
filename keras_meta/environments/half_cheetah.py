"""Half-cheetahs that run forward or backward, or at a velocity."""

import keras

from keras_meta.environments.gymnasium_environment import GymnasiumEnvironment
from keras_meta.environments.task_parameters import Choice, Uniform


def half_cheetah_direction(seed=0, horizon=100, num_workers=None):
    """Half-cheetahs that are to run forward or backward, in MuJoCo.

    A step is rewarded for the velocity `v` in the direction of the task and costs for the action,

        r = d v - 0.05 ||a||^2,    d = 1 or -1

    Args:
        seed: int. The stream of tasks is a function of it.
        horizon: int. Number of steps of an episode.
        num_workers: See `GymnasiumEnvironment`.

    Returns:
        A `GymnasiumEnvironment`.

    Reference:
        Finn, Abbeel, Levine: "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks",
        ICML 2017, https://arxiv.org/abs/1703.03400.
    """
    return GymnasiumEnvironment(
        "HalfCheetah-v5",
        tasks={"forward_reward_weight": Choice([1.0, -1.0])},
        horizon=horizon,
        seed=seed,
        num_workers=num_workers,
        ctrl_cost_weight=0.05,
    )


def half_cheetah_velocity(seed=0, horizon=100, num_workers=None):
    """Half-cheetahs that are to run at a velocity, in MuJoCo.

    A step costs for the distance of the velocity `v` from that of the task, and for the action,

        r = -|v - v*| - 0.05 ||a||^2,    v* ~ U(0, 2)

    Args:
        seed: int. The stream of tasks is a function of it.
        horizon: int. Number of steps of an episode.
        num_workers: See `GymnasiumEnvironment`.

    Returns:
        A `GymnasiumEnvironment`.

    Reference:
        Finn, Abbeel, Levine: "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks",
        ICML 2017, https://arxiv.org/abs/1703.03400.
    """
    return GymnasiumEnvironment(
        target_velocity_half_cheetah,
        tasks={"velocity": Uniform(0.0, 2.0)},
        horizon=horizon,
        task_setter="set_task",
        seed=seed,
        num_workers=num_workers,
        ctrl_cost_weight=0.05,
    )


@keras.saving.register_keras_serializable("keras_meta")
def target_velocity_half_cheetah(**kwargs):
    """A half-cheetah with a method `set_task`, whose task is a velocity."""
    import gymnasium

    class TargetVelocity(gymnasium.Wrapper):
        def set_task(self, task):
            self._velocity = task["velocity"]

        def step(self, action):
            observation, _, terminated, truncated, info = self.env.step(action)
            reward = info["reward_ctrl"] - abs(info["x_velocity"] - self._velocity)
            return observation, reward, terminated, truncated, info

    return TargetVelocity(gymnasium.make("HalfCheetah-v5", max_episode_steps=-1, **kwargs))
