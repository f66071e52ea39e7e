"""Adam as an inner optimizer."""

import keras
import tensorflow as tf

from keras_meta.inner_optimizers.inner_optimizer import InnerOptimizer


@keras.saving.register_keras_serializable("keras_meta")
class Adam(InnerOptimizer):
    """A differentiable Adam.

        m <- beta_1 m + (1 - beta_1) g              v <- beta_2 v + (1 - beta_2) g^2
        w <- w - learning_rate m^ / sqrt(v^ + epsilon^2)

    with `m^ = m / (1 - beta_1^t)` and `v^ = v / (1 - beta_2^t)` at step `t`. `epsilon` is under the
    root, because the root of `v^` alone has no derivative where a gradient is zero.

    Args:
        learning_rate: float, `Learned`, or a schedule over the inner steps.
        beta_1: float or `Learned`. Decay rate of the first moment.
        beta_2: float or `Learned`. Decay rate of the second moment.
        epsilon: float. Bounds the step where gradients vanish.
        weight_decay: float or `Learned`, or `None`. See `InnerOptimizer`.
        global_clipnorm: See `InnerOptimizer`.
        name: Optional name.

    Raises:
        ValueError: If an argument is invalid.

    Example:

    ```python
    import keras_meta
    from keras_meta.inner_optimizers import Adam

    learner = keras_meta.learners.MAML(
        keras_meta.networks.SinusoidMLP(), inner_steps=5, inner_optimizer=Adam(0.01)
    )
    ```

    Reference:
        [Kingma and Ba, 2015](https://arxiv.org/abs/1412.6980)
    """

    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        weight_decay=None,
        global_clipnorm=None,
        name=None,
    ):
        super().__init__(
            global_clipnorm,
            name,
            learning_rate=learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            weight_decay=weight_decay,
        )
        self.epsilon = epsilon

    def init_weight(self, weight):
        # The number of steps is a slot, so that it continues if slots are kept across tasks.
        return tf.zeros_like(weight), tf.zeros_like(weight), tf.zeros([], weight.dtype)

    def update_weight(self, weight, gradient, slots, learning_rate, beta_1, beta_2):
        m, v, t = slots
        t = t + 1.0
        m = beta_1 * m + (1.0 - beta_1) * gradient
        v = beta_2 * v + (1.0 - beta_2) * tf.square(gradient)
        corrected_m, corrected_v = m / (1.0 - beta_1**t), v / (1.0 - beta_2**t)
        step = learning_rate * corrected_m * tf.math.rsqrt(corrected_v + self.epsilon**2)
        return weight - step, (m, v, t)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
