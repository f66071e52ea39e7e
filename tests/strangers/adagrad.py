"""An inner optimizer: Adagrad."""

import keras
import tensorflow as tf

from keras_meta.inner_optimizers import InnerOptimizer


@keras.saving.register_keras_serializable("strangers")
class Adagrad(InnerOptimizer):
    """A differentiable Adagrad, from an accumulator that is not zero.

    v <- v + g^2
    w <- w - learning_rate g / sqrt(v)
    """

    def __init__(self, learning_rate=0.01, initial_accumulator=0.1, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.initial_accumulator = initial_accumulator

    def init_weight(self, weight):
        return (tf.fill(tf.shape(weight), tf.cast(self.initial_accumulator, weight.dtype)),)

    def update_weight(self, weight, gradient, slots, learning_rate):
        v = slots[0] + tf.square(gradient)
        return weight - learning_rate * gradient * tf.math.rsqrt(v), (v,)

    def get_config(self):
        return {**super().get_config(), "initial_accumulator": self.initial_accumulator}
