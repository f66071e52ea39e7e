"""Two-dimensional navigation, the first problem of reinforcement learning in the MAML paper."""

import keras
import tensorflow as tf

from keras_meta.environments.arguments import check_number
from keras_meta.environments.environment import Environment
from keras_meta.environments.spaces import Continuous
from keras_meta.episodes.arguments import check_range

_REWARDS = ("distance", "squared_distance", "sparse")


@keras.saving.register_keras_serializable("keras_meta")
class Navigation(Environment):
    """A point in the plane that is rewarded for being near a goal, which it cannot see.

    The point starts at 0, observes its position `x` and moves by its action `a`, at most by
    `max_step` in each coordinate. The goal `g` is the task:

        g ~ U(goal_range)^2,    x <- x + clip(action_scale * a, -max_step, max_step)

    The reward is computed after the move, from the distance `d = |x - g|`:

        "distance":            -d
        "squared_distance":    -d^2
        "sparse":              max(sparse_radius - d, 0)

    The defaults are those of the paper's code: actions mean moves of a tenth, and a goal counts as
    reached if both coordinates are within 0.01 of it. On this scale, standing still returns -38.3
    on average and a perfect policy -0.51; with the squared distance, standing still returns -16.7.
    With `action_scale=1`, actions are the moves themselves, as in other implementations:
    exploration with a standard deviation of 1 then mostly moves by `max_step` to either side.

    Args:
        goal_range: Pair of floats `(low, high)`, the range of both coordinates of goals.
        horizon: int. Steps in an episode.
        reward: `"distance"`, `"squared_distance"` or `"sparse"`.
        max_step: float. Largest move in each coordinate.
        action_scale: float. The move that an action of 1 means.
        tolerance: float. An episode terminates when both coordinates of the point are closer than
            this to the goal's; 0 to never terminate.
        sparse_radius: float. Distance from the goal at which the sparse reward begins.
        seed: int. The stream of tasks is a function of it.

    Raises:
        ValueError: If a range is not a pair `(low, high)`, `reward` is unknown, or a number is
            negative or, apart from `tolerance`, 0.

    Example:

    ```python
    from keras_meta import environments

    navigation = environments.Navigation(reward="sparse", sparse_radius=0.2)
    for goals in navigation.as_dataset(batch_size=40, num_batches=1):
        assert goals.shape == (40, 2)
    ```

    Reference:
        Finn, Abbeel, Levine: "Model-Agnostic Meta-Learning for Fast Adaptation of Deep
        Networks", ICML 2017, section 5.3.
    """

    def __init__(
        self,
        goal_range=(-0.5, 0.5),
        horizon=100,
        reward="distance",
        max_step=0.1,
        action_scale=0.1,
        tolerance=0.01,
        sparse_radius=0.2,
        seed=0,
    ):
        super().__init__((2,), Continuous(2), horizon, seed=seed)
        if reward not in _REWARDS:
            raise ValueError(f"`reward` must be one of {_REWARDS}. Received: reward={reward!r}.")
        self.goal_range = check_range("goal_range", goal_range)
        self.reward = reward
        self.max_step = check_number("max_step", max_step, positive=True)
        self.action_scale = check_number("action_scale", action_scale, positive=True)
        self.tolerance = check_number("tolerance", tolerance)
        self.sparse_radius = check_number("sparse_radius", sparse_radius, positive=True)

    def sample(self, first_task, num_tasks):
        low, high = self.goal_range
        drawn = tf.cast(self.uniform(first_task, num_tasks, (2,)), keras.config.floatx())
        return low + (high - low) * drawn

    def reset(self, goal, noise):
        position = tf.zeros([*keras.ops.shape(noise)[:2], 2], goal.dtype)
        return position, position

    def step(self, goal, position, action, noise):
        move = tf.clip_by_value(self.action_scale * action, -self.max_step, self.max_step)
        position = position + move
        offset = position - goal
        arrived = tf.reduce_all(tf.abs(offset) < self.tolerance, axis=-1)
        return position, position, self._reward(offset), arrived, False

    def _reward(self, offset):
        if self.reward == "squared_distance":
            return -tf.reduce_sum(offset**2, axis=-1)
        distance = tf.norm(offset, axis=-1)
        return -distance if self.reward == "distance" else tf.nn.relu(self.sparse_radius - distance)
