"""Estimators whose derivatives are right to every order."""

import keras
import tensorflow as tf

from keras_meta.policy_gradients.advantages import powers
from keras_meta.policy_gradients.estimator import Estimator, mean


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


def box(x):
    """A factor of 1 whose derivative is that of `exp(x)` at 0, to every order."""
    return tf.exp(x - tf.stop_gradient(x))
