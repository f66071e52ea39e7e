"""RMSprop as an inner optimizer."""

import keras
import tensorflow as tf

from keras_meta.inner_optimizers.inner_optimizer import InnerOptimizer


@keras.saving.register_keras_serializable("keras_meta")
class RMSprop(InnerOptimizer):
    """A differentiable RMSprop.

        v <- rho v + (1 - rho) g^2
        w <- w - learning_rate g / sqrt(v + epsilon)

    Args:
        learning_rate: float, `Learned`, or a schedule over the inner steps.
        rho: float or `Learned`. Decay rate of the second moment.
        epsilon: float. Bounds the step where gradients vanish.
        weight_decay: float or `Learned`, or `None`. See `InnerOptimizer`.
        global_clipnorm: See `InnerOptimizer`.
        name: Optional name.

    Raises:
        ValueError: If an argument is invalid.

    Example:

    ```python
    import keras_meta

    learner = keras_meta.learners.MAML(
        keras_meta.networks.SinusoidMLP(), 0.001, inner_steps=5, inner_optimizer="rmsprop"
    )
    ```

    Reference:
        [Hinton, Srivastava and Swersky, 2012](
        http://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf)
    """

    def __init__(
        self,
        learning_rate=0.001,
        rho=0.9,
        epsilon=1e-7,
        weight_decay=None,
        global_clipnorm=None,
        name=None,
    ):
        super().__init__(
            global_clipnorm, name, learning_rate=learning_rate, rho=rho, weight_decay=weight_decay
        )
        self.epsilon = epsilon

    def init_weight(self, weight):
        return (tf.zeros_like(weight),)

    def update_weight(self, weight, gradient, slots, learning_rate, rho):
        v = rho * slots[0] + (1.0 - rho) * tf.square(gradient)
        return weight - learning_rate * gradient * tf.math.rsqrt(v + self.epsilon), (v,)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
