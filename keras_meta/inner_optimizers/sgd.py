"""Gradient descent as an inner optimizer."""

import keras
import tensorflow as tf

from keras_meta.inner_optimizers.inner_optimizer import InnerOptimizer


@keras.saving.register_keras_serializable("keras_meta")
class SGD(InnerOptimizer):
    """Gradient descent, with or without momentum.

        v <- momentum v - learning_rate g
        w <- w + v                               (Nesterov: w + momentum v - learning_rate g)

    Args:
        learning_rate: float, `Learned`, or a schedule over the inner steps.
        momentum: float or `Learned`, or `None` for none.
        nesterov: bool. Whether to use Nesterov's momentum.
        weight_decay: float or `Learned`, or `None`. See `InnerOptimizer`.
        global_clipnorm: See `InnerOptimizer`.
        name: Optional name.

    Raises:
        ValueError: If an argument is invalid.

    Example:

    ```python
    import keras_meta
    from keras_meta.inner_optimizers import SGD

    learner = keras_meta.learners.MAML(
        keras_meta.networks.SinusoidMLP(), inner_steps=5, inner_optimizer=SGD(0.01, momentum=0.9)
    )
    ```
    """

    def __init__(
        self,
        learning_rate=0.01,
        momentum=None,
        nesterov=False,
        weight_decay=None,
        global_clipnorm=None,
        name=None,
    ):
        if nesterov and momentum is None:
            raise ValueError(
                "Nesterov's rule needs a momentum. Set `momentum`. "
                "Received: nesterov=True, momentum=None."
            )
        super().__init__(
            global_clipnorm,
            name,
            learning_rate=learning_rate,
            momentum=momentum,
            weight_decay=weight_decay,
        )
        self.nesterov = nesterov

    def init_weight(self, weight):
        return (tf.zeros_like(weight),) if "momentum" in self._values else ()

    def update_weight(self, weight, gradient, slots, learning_rate, momentum=None):
        if momentum is None:
            return weight - learning_rate * gradient, slots
        velocity = momentum * slots[0] - learning_rate * gradient
        if self.nesterov:
            return weight + momentum * velocity - learning_rate * gradient, (velocity,)
        return weight + velocity, (velocity,)

    def get_config(self):
        return {**super().get_config(), "nesterov": self.nesterov}
