"""Gradient descent as an inner optimizer."""

import tensorflow as tf

from keras_meta.inner_optimizers.inner_optimizer import InnerOptimizer


class SGD(InnerOptimizer):
    """Gradient descent: `w <- w - learning_rate * gradient`.

    Args:
        learning_rate: Scalar float, tensor or variable.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta.inner_optimizers import SGD

    weights, _ = SGD(0.1).update([tf.constant(1.0)], [tf.constant(2.0)], (), step=0)
    assert abs(float(weights[0]) - 0.8) < 1e-6
    ```
    """

    def __init__(self, learning_rate):
        self.learning_rate = learning_rate

    def update(self, weights, gradients, slots, step):
        rate = tf.convert_to_tensor(self.learning_rate)
        weights = [
            w if g is None else w - tf.cast(rate, w.dtype) * tf.cast(g, w.dtype)
            for w, g in zip(weights, gradients, strict=True)
        ]
        return weights, slots
