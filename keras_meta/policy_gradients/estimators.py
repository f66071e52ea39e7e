"""Estimators of the gradient of expected return: surrogates with derivatives to differentiate."""

import keras
import tensorflow as tf

from keras_meta.policy_gradients.advantages import powers


class Estimator:
    """A surrogate of the mean reward, whose derivatives estimate those of its expectation.

    The derivatives of the inner step reach the meta-gradient, so it matters whether the second
    derivative of the surrogate is right, too.

    Subclasses define `surrogate`, and `credit` if the choice of the experience deserves some.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta.policy_gradients import Estimator

    class ClippedLogLikelihood(Estimator):
        '''Log-likelihood weighted by advantages between -1 and 1.'''

        def surrogate(self, log_probabilities, experience):
            advantages = tf.clip_by_value(experience.advantages, -1.0, 1.0)
            return tf.reduce_mean(log_probabilities * advantages * experience.mask)
    ```
    """

    def surrogate(self, log_probabilities, experience):
        """Returns the surrogate, a scalar.

        Args:
            log_probabilities: Tensor `[episodes, horizon]`, of the actions under the weights to
                differentiate.
            experience: The `Experience` of one task.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `surrogate`.")

    def credit(self, log_probabilities, gain):
        """Returns what is added to the outer objective for the choice of the experience.

        Args:
            log_probabilities: Tensor `[episodes, horizon]`, of the actions that the inner step
                learned from.
            gain: Scalar, the return after adapting, compared with that of other tasks.
        """
        del log_probabilities, gain
        return 0.0

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable("keras_meta")
class LogLikelihood(Estimator):
    """Log-likelihood weighted by advantages, as in MAML.

        mean over episodes and steps of  log p(a_t | s_t) A_t

    Its first derivative is the policy gradient. Its second derivative lacks that of the sampling:
    the outer loop gives no credit to actions before adapting for what they let the policy learn.

    Example:

    ```python
    import keras
    from keras_meta import environments, learners, policy_gradients

    bandit = environments.BernoulliBandit(num_arms=2, horizon=3)
    policy = keras.Sequential([keras.Input(bandit.observation_shape), keras.layers.Dense(2)])
    learner = learners.PolicyGradientMAML(
        policy, bandit, 0.1, estimator=policy_gradients.LogLikelihood()
    )
    ```

    Reference:
        [Finn et al., 2017](https://arxiv.org/abs/1703.03400)
    """

    def surrogate(self, log_probabilities, experience):
        return mean(log_probabilities * experience.advantages, experience.mask)


@keras.saving.register_keras_serializable("keras_meta")
class EMAML(LogLikelihood):
    """Log-likelihood, with credit for exploration.

        outer objective:  J(w_K) + (J(w_K) - b) sum over episodes and steps of  log p_w(a_t | s_t)

    `b` is the mean of the other tasks of the batch. Together with the derivative through the inner
    step, this is the gradient of the expected return after adapting to so many sampled episodes.
    It has no bias and much variance.

    Args:
        weight: float. Weight of the second term; 1 for the gradient.

    Example:

    ```python
    import keras
    from keras_meta import environments, learners, policy_gradients

    bandit = environments.BernoulliBandit(num_arms=2, horizon=3)
    policy = keras.Sequential([keras.Input(bandit.observation_shape), keras.layers.Dense(2)])
    learner = learners.PolicyGradientMAML(
        policy, bandit, 0.1, estimator=policy_gradients.EMAML(weight=0.1)
    )
    ```

    Reference:
        [Stadie et al., 2018](https://arxiv.org/abs/1803.01118)
    """

    def __init__(self, weight=1.0):
        self.weight = weight

    def credit(self, log_probabilities, gain):
        return self.weight * tf.stop_gradient(gain) * tf.reduce_sum(log_probabilities)

    def get_config(self):
        return {"weight": self.weight}


@keras.saving.register_keras_serializable("keras_meta")
class LowVarianceCurvature(Estimator):
    """Ratio of likelihoods weighted by advantages, as in ProMP.

        mean over episodes and steps of  p_w(a_t | s_t) / p_old(a_t | s_t)  A_t

    Its second derivative has the credit of each action for its own sampling and leaves out products
    of different steps, which have most of the variance.

    Example:

    ```python
    import keras
    from keras_meta import environments, learners, policy_gradients

    bandit = environments.BernoulliBandit(num_arms=2, horizon=3)
    policy = keras.Sequential([keras.Input(bandit.observation_shape), keras.layers.Dense(2)])
    learner = learners.PolicyGradientMAML(
        policy, bandit, 0.1, estimator=policy_gradients.LowVarianceCurvature()
    )
    ```

    Reference:
        [Rothfuss et al., 2019](https://arxiv.org/abs/1810.06784)
    """

    def surrogate(self, log_probabilities, experience):
        ratio = tf.exp(log_probabilities - experience.log_probabilities)
        return mean(ratio * experience.advantages, experience.mask)


@keras.saving.register_keras_serializable("keras_meta")
class DiCE(Estimator):
    """Rewards times a factor of 1 that has the derivatives of the sampling.

        box(x) = exp(x - stop_gradient(x)),    c_t = sum over u <= t of  log p(a_u | s_u)
        mean over episodes and steps of  discount^t (box(c_t) r_t + (1 - box(log p_t)) V_t)

    All derivatives have the right expectation, at the price of variance. The baseline `V` lessens
    the variance of the first.

    Args:
        discount: float from 0 to 1, of rewards by step.

    Example:

    ```python
    import keras
    from keras_meta import environments, learners, policy_gradients

    bandit = environments.BernoulliBandit(num_arms=2, horizon=3)
    policy = keras.Sequential([keras.Input(bandit.observation_shape), keras.layers.Dense(2)])
    learner = learners.PolicyGradientMAML(
        policy, bandit, 0.1, estimator=policy_gradients.DiCE(discount=0.9)
    )
    ```

    Reference:
        [Foerster et al., 2018](https://arxiv.org/abs/1802.05098)
    """

    def __init__(self, discount=0.99):
        self.discount = discount

    def surrogate(self, log_probabilities, experience):
        log_p = log_probabilities * experience.mask
        rewards = box(tf.cumsum(log_p, axis=-1)) * experience.rewards
        baseline = (1 - box(log_p)) * experience.values
        steps = tf.range(tf.shape(log_p)[-1])
        discounts = tf.constant(self.discount, log_p.dtype) ** tf.cast(steps, log_p.dtype)
        return mean(discounts * (rewards + baseline), experience.mask)

    def get_config(self):
        return {"discount": self.discount}


@keras.saving.register_keras_serializable("keras_meta")
class LoadedDiCE(Estimator):
    """Advantages times the part of DiCE's factor that is due to their own action.

        box(x) = exp(x - stop_gradient(x)),    c_t = log p(a_t | s_t) + decay c_{t-1}
        mean over episodes and steps of  (box(c_t) - box(c_t - log p_t)) A_t

    With a decay of 1 all derivatives have the right expectation, for any estimate of advantages
    that has; a smaller decay trades bias for variance. The value is 0.

    Args:
        decay: float from 0 to 1.

    Example:

    ```python
    import keras
    from keras_meta import environments, learners, policy_gradients

    bandit = environments.BernoulliBandit(num_arms=2, horizon=3)
    policy = keras.Sequential([keras.Input(bandit.observation_shape), keras.layers.Dense(2)])
    learner = learners.PolicyGradientMAML(
        policy, bandit, 0.1, estimator=policy_gradients.LoadedDiCE(decay=0.8)
    )
    ```

    Reference:
        [Farquhar et al., 2019](https://arxiv.org/abs/1909.10549)
    """

    def __init__(self, decay=1.0):
        self.decay = decay

    def surrogate(self, log_probabilities, experience):
        log_p = log_probabilities * experience.mask
        dependencies = tf.linalg.matmul(log_p, powers(log_p, self.decay), transpose_b=True)
        own = box(dependencies) - box(dependencies - log_p)
        return mean(own * experience.advantages, experience.mask)

    def get_config(self):
        return {"decay": self.decay}


_BY_NAME = {
    "log_likelihood": LogLikelihood,
    "e_maml": EMAML,
    "low_variance_curvature": LowVarianceCurvature,
    "dice": DiCE,
    "loaded_dice": LoadedDiCE,
}


def get(estimator):
    """Returns an estimator, which may be given by its name.

    Args:
        estimator: `"log_likelihood"`, `"e_maml"`, `"low_variance_curvature"`, `"dice"`,
            `"loaded_dice"`, or an `Estimator`.

    Raises:
        ValueError: If the name is unknown.
    """
    if isinstance(estimator, Estimator):
        return estimator
    if estimator not in _BY_NAME:
        raise ValueError(
            f"`estimator` must be one of {list(_BY_NAME)} or an `Estimator`. "
            f"Received: estimator={estimator!r}."
        )
    return _BY_NAME[estimator]()


def box(x):
    """A factor of 1 whose derivative is that of `exp(x)` at 0, to every order."""
    return tf.exp(x - tf.stop_gradient(x))


def mean(values, mask):
    """Mean over episodes and all steps of the horizon, where padding counts as 0.

    A mean over the steps that were taken would be biased: their number depends on the actions.
    """
    return tf.reduce_mean(values * mask)
