"""The base class of environments: tasks to act in."""

import inspect

from keras_meta.environments.spaces import Continuous, Discrete
from keras_meta.episodes.arguments import check_integer
from keras_meta.episodes.task_distribution import TaskDistribution


class Environment(TaskDistribution):
    """A distribution of tasks to act in, which run in the graph, many episodes at a time.

    A task is a nest of tensors, such as a goal. In each task the environment starts in a state
    `s_0` and answers an action with the next state and a reward,

        s_0 ~ reset(task),    s_{t+1}, r_t ~ step(task, s_t, a_t),    t = 0 .. horizon - 1

    Subclasses define `sample`, which draws the parameters of tasks (see `TaskDistribution`),
    `reset` and `step`. These two are pure functions on leading axes `[tasks, episodes]`; a leaf of
    a task arrives as `[tasks, 1, ...]`, to broadcast over episodes. All chance comes from the
    uniform numbers that they are given.

    A subclass keeps each argument of its constructor as an attribute of the same name; `get_config`
    then returns them all, and Keras saves and loads the environment once its class is registered.

    Args:
        observation_shape: Tuple of ints, the shape of one observation.
        action_space: `Continuous` or `Discrete`.
        horizon: int. Number of steps after which an episode ends.
        reset_noise: int. How many uniform numbers a reset takes.
        step_noise: int. How many uniform numbers a step takes.
        seed: int. The stream of tasks is a function of it.

    Raises:
        TypeError: If `action_space` is not a space, or a number is not an integer.
        ValueError: If a number is too small.

    Example:

    ```python
    import keras
    import tensorflow as tf
    from keras_meta import environments

    class Line(environments.Environment):
        '''A point on a line, rewarded for being near the goal of its task.'''

        def __init__(self, seed=0):
            super().__init__((1,), environments.Continuous(1), horizon=10, seed=seed)

        def sample(self, first_task, num_tasks):
            return 2 * self.uniform(first_task, num_tasks, (1,)) - 1

        def reset(self, goal, noise):
            position = tf.zeros([*keras.ops.shape(noise)[:2], 1])
            return position, position

        def step(self, goal, position, action, noise):
            position = position + tf.clip_by_value(action, -0.1, 0.1)
            reward = -tf.abs(position - goal)[..., 0]
            return position, position, reward, False, False

    for goals in Line().as_dataset(batch_size=4, num_batches=1):
        assert goals.shape == (4, 1)
    ```
    """

    # Whether the return counts the rewards of `horizon` steps and no more. If not, the episode
    # would go on, and the rewards cut off are estimated.
    ends_at_horizon = True

    def __init__(
        self, observation_shape, action_space, horizon, reset_noise=0, step_noise=0, seed=0
    ):
        super().__init__(seed)
        if not isinstance(action_space, (Continuous, Discrete)):
            raise TypeError(
                "`action_space` must be `Continuous` or `Discrete`. "
                f"Received: action_space={action_space!r}."
            )
        self.observation_shape = tuple(
            check_integer("observation_shape", size, minimum=1) for size in observation_shape
        )
        self.action_space = action_space
        self.horizon = check_integer("horizon", horizon, minimum=1)
        self.reset_noise = check_integer("reset_noise", reset_noise, minimum=0)
        self.step_noise = check_integer("step_noise", step_noise, minimum=0)

    def reset(self, task, noise):
        """Starts an episode.

        Args:
            task: Nest of tensors `[tasks, 1, ...]`.
            noise: Uniform numbers `[tasks, episodes, reset_noise]`, between 0 and 1.

        Returns:
            Tuple `(state, observation)`: a nest of tensors `[tasks, episodes, ...]`, and a tensor
            `[tasks, episodes, *observation_shape]`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `reset`.")

    def step(self, task, state, action, noise):
        """Takes one step.

        Args:
            task: Nest of tensors `[tasks, 1, ...]`.
            state: The state that `reset` or the previous step returned.
            action: Tensor `[tasks, episodes, size]`, or int tensor `[tasks, episodes]` of discrete
                actions.
            noise: Uniform numbers `[tasks, episodes, step_noise]`, between 0 and 1.

        Returns:
            Tuple `(state, observation, reward, terminated, truncated)`, where `reward` is a tensor
            `[tasks, episodes]`. `terminated`, a bool or a bool tensor like `reward`, says that the
            episode has ended and no reward can follow; `truncated`, that it is cut off here though
            it would go on.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `step`.")

    def get_config(self):
        """Returns the arguments of the constructor, from the attributes of the same names.

        Raises:
            NotImplementedError: If an argument was not kept under its name.
        """
        names = inspect.signature(type(self)).parameters
        missing = [name for name in names if not hasattr(self, name)]
        if missing:
            raise NotImplementedError(
                f"{type(self).__name__} must keep the arguments of its constructor as attributes "
                f"of the same names, or define `get_config`. Received: no attributes {missing}."
            )
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config):
        """Creates an environment from what `get_config` returned."""
        return cls(**config)
