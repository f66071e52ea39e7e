"""The base class of estimators of the gradient of expected return."""

import tensorflow as tf


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


def mean(values, mask):
    """Mean over episodes and all steps of the horizon, where padding counts as 0.

    A mean over the steps that were taken would be biased: their number depends on the actions.
    """
    return tf.reduce_mean(values * mask)
