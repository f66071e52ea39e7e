"""Advantages of actions, from a linear baseline."""

import collections

import keras
import tensorflow as tf

Advantages = collections.namedtuple("Advantages", ["advantages", "rewards", "values"])
Advantages.__doc__ = """Rewards and what they are worth, shifted and scaled alike if normalised.

Attributes:
    advantages: Tensor `[..., episodes, horizon]`.
    rewards: Tensor `[..., episodes, horizon]`.
    values: Tensor `[..., episodes, horizon]`, the baseline.
"""


@keras.saving.register_keras_serializable("keras_meta")
class LinearBaseline:
    """Generalised advantage estimation with a linear baseline.

    The baseline is a ridge regression of discounted returns on features of the observation `s` and
    the step `t`; with `d_t` 0 at a terminal step and 1 elsewhere,

        V(s, t) = w^T [s, s^2, t, t^2, t^3, 1]
        delta_t = r_t + discount d_t V(s_{t+1}, t+1) - V(s_t, t)
        A_t     = delta_t + discount decay A_{t+1}

    A baseline that was fitted to the episodes that it scores knows their actions, which biases the
    gradient. So the episodes of a task are split into folds, and those of a fold are scored by a
    baseline that is fitted to the others.

    Args:
        discount: float from 0 to 1, of rewards by step.
        decay: float from 0 to 1, often called lambda: with 0 the advantage rests on the baseline,
            with 1 on the observed return.
        normalize: bool. Whether the advantages of a task are shifted to mean 0 and scaled to
            standard deviation 1, so that learning rates do not depend on the scale of rewards.
            Equal advantages are not scaled.
        regularization: float > 0. Weight of the squared norm of `w`, for a mean of squared errors
            and features scaled to variance 1; the constant is not regularised. The episodes of a
            task are few, and returns within an episode alike.
        folds: int >= 2.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta import environments, policy_gradients

    navigation = environments.Navigation(horizon=5)
    goals = navigation.sample(first_task=0, num_tasks=2)
    seeds = tf.constant([[0, 0], [0, 1]])
    standard_normal = policy_gradients.Gaussian(2)

    def policy(observations):
        return tf.zeros([*observations.shape[:2], 4])

    episodes = environments.rollout(navigation, goals, policy, standard_normal, 8, seeds)
    advantages = policy_gradients.LinearBaseline(discount=0.95)(episodes).advantages
    assert advantages.shape == (2, 8, 5)
    ```

    Reference:
        [Duan et al., 2016](https://arxiv.org/abs/1604.06778) (the baseline),
        [Schulman et al., 2016](https://arxiv.org/abs/1506.02438)
    """

    def __init__(self, discount=0.99, decay=1.0, normalize=True, regularization=1e-5, folds=5):
        for name, value in (("discount", discount), ("decay", decay)):
            if not 0 <= value <= 1:
                raise ValueError(f"`{name}` must be from 0 to 1. Received: {name}={value!r}.")
        if not regularization > 0:  # constant features are proportional to each other
            raise ValueError(
                f"`regularization` must be > 0. Received: regularization={regularization!r}."
            )
        if not isinstance(folds, int) or folds < 2:
            raise ValueError(f"`folds` must be an integer >= 2. Received: folds={folds!r}.")
        self.folds = folds
        self.discount = discount
        self.decay = decay
        self.normalize = normalize
        self.regularization = regularization

    def __call__(self, trajectories):
        """Returns the `Advantages` of `Trajectories` with a leading axis of tasks."""
        mask, rewards = trajectories.mask, trajectories.rewards
        values = self.values(trajectories)
        # The value after each step; after the last one, that of an episode that was cut off.
        last = mask - tf.pad(mask[..., 1:], _after(mask))
        cut_off = (1 - trajectories.terminated)[..., None]
        following = (mask - last + last * cut_off) * values[..., 1:]
        errors = rewards + self.discount * following - values[..., :-1]
        advantages = sum_discounted(errors * mask, self.discount * self.decay) * mask
        values = values[..., :-1] * mask
        if not self.normalize:
            return Advantages(advantages, rewards, values)
        axes = [-2, -1]
        count = tf.reduce_sum(mask, axes, keepdims=True)
        mean = tf.reduce_sum(advantages, axes, keepdims=True) / count
        centred = (advantages - mean) * mask
        variance = tf.reduce_sum(tf.square(centred), axes, keepdims=True) / count
        deviation = tf.sqrt(variance)
        # Advantages that differ by rounding alone, as where all rewards are equal, are not scaled:
        # they would become noise, and rewards huge.
        size = tf.reduce_max(tf.abs(advantages) + tf.abs(values), axes, keepdims=True)
        one = tf.ones_like(size)
        scale = tf.where(deviation > 1e-5 * size, tf.math.divide_no_nan(one, deviation), one)
        return Advantages(centred * scale, rewards * scale, (values + mean) * mask * scale)

    def values(self, trajectories):
        """Returns the values `[tasks, episodes, horizon + 1]` of all observations."""
        features = self.features(trajectories)
        fitted = features[..., :-1, :] * tf.cast(trajectories.mask[..., None], features.dtype)
        targets = tf.cast(sum_discounted(trajectories.rewards, self.discount), features.dtype)
        targets *= tf.cast(trajectories.mask, features.dtype)
        fold = tf.range(tf.shape(targets)[1]) % self.folds
        in_fold = tf.one_hot(fold, self.folds, dtype=features.dtype)
        gram = tf.einsum("ek,tehf,tehg->tkfg", in_fold, fitted, fitted)
        moments = tf.einsum("ek,tehf,teh->tkf", in_fold, fitted, targets)
        weights = self._fit(_without_each(gram), _without_each(moments))
        values = tf.einsum("tehf,tef->teh", features, tf.gather(weights, fold, axis=1))
        return tf.cast(values, trajectories.rewards.dtype)

    def features(self, trajectories):
        """Returns float64 features `[tasks, episodes, horizon + 1, features]`."""
        seen = tf.concat([trajectories.observations, trajectories.last_observations[:, :, None]], 2)
        shape = tf.shape(seen)[:3]
        # The observation after the last step stands where the step after it would.
        steps = tf.cast(tf.reduce_sum(trajectories.mask, -1), tf.int32)
        is_last = tf.range(shape[2]) == steps[..., None]
        seen = tf.reshape(seen, tf.concat([shape, [-1]], 0))
        seen = tf.where(is_last[..., None], seen[:, :, -1:], seen)
        seen = tf.clip_by_value(tf.cast(seen, tf.float64), -10, 10)
        time = tf.cast(tf.range(shape[2]), tf.float64)[:, None] / 100
        of_time = tf.concat([time, time**2, time**3, tf.ones_like(time)], -1)
        of_time = tf.broadcast_to(of_time, tf.concat([shape, [4]], 0))
        return tf.concat([seen, seen**2, of_time], -1)

    def _fit(self, gram, moments):
        """Solves a ridge regression, given sums over steps; the last feature is the constant."""
        count = tf.maximum(gram[..., -1:, -1:], 1)
        gram, moments = gram / count, moments[..., None] / count
        variances = tf.linalg.diag_part(gram) - tf.square(gram[..., -1])
        # Far below any variance: features that do not vary get a weight of 0.
        penalty = self.regularization * tf.maximum(variances, 0) + 1e-9
        return tf.linalg.solve(gram + tf.linalg.diag(penalty), moments)[..., 0]

    def get_config(self):
        return {
            "discount": self.discount,
            "decay": self.decay,
            "normalize": self.normalize,
            "regularization": self.regularization,
            "folds": self.folds,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def sum_discounted(values, discount):
    """Returns `sum over u >= t of discount^(u - t) values_u`, over the last axis."""
    return tf.linalg.matmul(values, powers(values, discount))


def powers(values, discount):
    """Returns the matrix of `discount^(u - t)` where row `u >= column t`, 0 elsewhere."""
    steps = tf.range(tf.shape(values)[-1])
    distance = steps[:, None] - steps[None]
    power = tf.constant(discount, values.dtype) ** tf.cast(tf.maximum(distance, 0), values.dtype)
    return tf.where(distance >= 0, power, tf.zeros_like(power))


def _without_each(sums):
    """Sums over all folds but one, for each fold `[tasks, folds, ...]`."""
    return tf.reduce_sum(sums, 1, keepdims=True) - sums


def _after(mask):
    """Paddings that append one step."""
    return [[0, 0]] * (mask.shape.rank - 1) + [[0, 1]]
