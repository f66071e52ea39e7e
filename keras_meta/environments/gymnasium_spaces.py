"""Gymnasium's spaces, beside those of this package."""

import numpy as np

from keras_meta.environments.spaces import Continuous, Discrete


class SpaceAdapter:
    """Translates the actions and observations of a Gymnasium environment.

    Args:
        observation_space: `gymnasium.spaces.Box` or `Discrete`.
        action_space: `gymnasium.spaces.Box` of real numbers or `Discrete`.

    Raises:
        ValueError: If a space is of another kind.
    """

    def __init__(self, observation_space, action_space):
        from gymnasium import spaces

        self._observation_space, self._action_space = observation_space, action_space
        self._is_one_hot = isinstance(observation_space, spaces.Discrete)
        if self._is_one_hot:
            self.observation_shape = (int(observation_space.n),)
        elif isinstance(observation_space, spaces.Box):
            self.observation_shape = observation_space.shape
        else:
            raise ValueError(
                "Observation spaces must be `Box` or `Discrete`; others can be flattened by "
                f"`gymnasium.wrappers.FlattenObservation`. Received: {observation_space}"
            )
        is_box = isinstance(action_space, spaces.Box)
        if is_box and np.issubdtype(action_space.dtype, np.floating):
            self.actions = Continuous(int(np.prod(action_space.shape)))
        elif isinstance(action_space, spaces.Discrete):
            self.actions = Discrete(int(action_space.n))
        else:
            raise ValueError(
                "Action spaces must be `Box` of real numbers or `Discrete`. Received: "
                f"{action_space}"
            )

    def observations(self, values, batch):
        """Observations as they come from environments, `[episodes, ...]`, for a policy.

        Returns:
            float32 array `[*batch, *observation_shape]`.
        """
        if self._is_one_hot:
            codes = values.astype(np.int64) - self._observation_space.start
            values = np.eye(self.observation_shape[0], dtype=np.float32)[codes]
        return values.reshape([*batch, *self.observation_shape])

    def to_gymnasium(self, actions):
        """Actions of a policy, `[tasks, episodes, ...]`, for environments.

        Raises:
            ValueError: If an action is not finite, or not one of the discrete actions.
        """
        space = self._action_space
        if isinstance(self.actions, Discrete):
            actions = actions.reshape(-1).astype(space.dtype)
            wrong = (actions < 0) | (actions >= self.actions.num_actions)
            if wrong.any():
                raise ValueError(
                    f"Actions must be between 0 and {self.actions.num_actions - 1}. Received: "
                    f"{actions[wrong][0]}"
                )
            return actions + space.start
        if not np.isfinite(actions).all():
            raise ValueError(
                "Actions must be finite. Received: "
                f"{actions[~np.isfinite(actions).all(-1)][0].tolist()}. Has training diverged?"
            )
        actions = actions.reshape([-1, *space.shape])
        return np.clip(actions, space.low, space.high).astype(space.dtype)
