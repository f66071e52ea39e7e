"""Estimators of the gradient of expected return: surrogates with derivatives to differentiate."""

import keras
import tensorflow as tf

from keras_meta.policy_gradients.dice import DiCE, LoadedDiCE
from keras_meta.policy_gradients.estimator import Estimator, mean


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
