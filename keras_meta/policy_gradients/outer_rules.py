"""Outer steps by first-order optimizers: one step, or several with clipped ratios."""

import keras
import tensorflow as tf


class OuterRule:
    """How an outer step uses the experience of a batch of tasks.

    With `w_K` adapted from the initial weights, and the ratio of the likelihoods of an action after
    adapting, now and when it was sampled,

        maximise  mean over tasks, episodes and steps of  objective(ratio, A)

    Subclasses define `update`, and `objective` if it is another one.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta.policy_gradients import PolicyGradient

    class Truncated(PolicyGradient):
        '''One step, in which no action counts more than twice.'''

        def objective(self, ratio, advantages):
            return tf.minimum(ratio, 2.0) * advantages
    ```
    """

    def objective(self, ratio, advantages):
        """Returns the objective of each step; by default `ratio * advantages`.

        Args:
            ratio: Tensor `[episodes, horizon]`.
            advantages: Tensor `[episodes, horizon]`.
        """
        return ratio * advantages

    def update(self, learner, experience):
        """Takes an outer step.

        Args:
            learner: A `PolicyGradientMAML`.
            experience: The `MetaExperience` of a batch of tasks.

        Returns:
            The `Outcome` of the experience before the step.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `update`.")

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable("keras_meta")
class PolicyGradient(OuterRule):
    """One step of the compiled optimizer with the policy gradient.

    Example:

    ```python
    import keras
    from keras_meta import environments, learners, policy_gradients

    bandit = environments.BernoulliBandit(num_arms=2, horizon=3)
    policy = keras.Sequential([keras.Input(bandit.observation_shape), keras.layers.Dense(2)])
    learner = learners.PolicyGradientMAML(
        policy, bandit, 0.1, num_episodes=4, outer_rule=policy_gradients.PolicyGradient()
    )
    learner.compile(keras.optimizers.Adam(0.01))
    learner.fit(bandit.as_dataset(batch_size=2), steps_per_epoch=1, verbose=0)
    ```
    """

    def update(self, learner, experience):
        gradients, outcome = learner.gradients_of(experience)
        # Gradients are functions of the weights, which the step must not change before.
        with tf.control_dependencies([outcome.loss]):
            gradients = [None if g is None else tf.identity(g) for g in gradients]
            # Counts the step in here, too: not if there was a fault.
            pairs = zip(gradients, learner.trainable_variables, strict=True)
            learner.optimizer.apply_gradients(pairs)
        return outcome


@keras.saving.register_keras_serializable("keras_meta")
class PPO(OuterRule):
    """Several steps of the compiled optimizer with clipped ratios.

        objective = min(ratio A, clip(ratio, 1 - clip_ratio, 1 + clip_ratio) A)

    Args:
        clip_ratio: float > 0.
        epochs: int. Number of optimizer steps on one batch of experience.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    ```python
    import keras
    from keras_meta import environments, learners, policy_gradients

    bandit = environments.BernoulliBandit(num_arms=2, horizon=3)
    policy = keras.Sequential([keras.Input(bandit.observation_shape), keras.layers.Dense(2)])
    learner = learners.PolicyGradientMAML(
        policy, bandit, 0.1, num_episodes=4, outer_rule=policy_gradients.PPO(epochs=3)
    )
    learner.compile(keras.optimizers.Adam(0.01))
    learner.fit(bandit.as_dataset(batch_size=2), steps_per_epoch=1, verbose=0)
    ```

    Reference:
        [Schulman et al., 2017](https://arxiv.org/abs/1707.06347),
        [Rothfuss et al., 2019](https://arxiv.org/abs/1810.06784) (as an outer step)
    """

    def __init__(self, clip_ratio=0.3, epochs=5):
        if not clip_ratio > 0:
            raise ValueError(f"`clip_ratio` must be > 0. Received: clip_ratio={clip_ratio!r}.")
        if not isinstance(epochs, int) or epochs < 1:
            raise ValueError(f"`epochs` must be an integer >= 1. Received: epochs={epochs!r}.")
        self.clip_ratio = clip_ratio
        self.epochs = epochs

    def objective(self, ratio, advantages):
        clipped = tf.clip_by_value(ratio, 1 - self.clip_ratio, 1 + self.clip_ratio)
        return tf.minimum(ratio * advantages, clipped * advantages)

    def update(self, learner, experience):
        step = PolicyGradient().update
        outcome = last = step(learner, experience)
        if tf.distribute.has_strategy():  # Replicas cannot meet inside a loop of the graph.
            for _ in range(1, self.epochs):
                with tf.control_dependencies([last.loss]):
                    last = step(learner, experience)
            return outcome

        def again(epoch):
            with tf.control_dependencies([step(learner, experience).loss]):
                return (epoch + 1,)

        with tf.control_dependencies([outcome.loss]):
            tf.while_loop(
                lambda epoch: epoch < self.epochs, again, (tf.constant(1),), parallel_iterations=1
            )
        return outcome

    def get_config(self):
        return {"clip_ratio": self.clip_ratio, "epochs": self.epochs}
