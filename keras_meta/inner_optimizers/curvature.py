"""Gradient descent with learned curvature matrices."""

import keras
import numpy as np
import tensorflow as tf

from keras_meta.inner_optimizers.sgd import SGD


@keras.saving.register_keras_serializable("keras_meta")
class Curvature(SGD):
    """Gradient descent with gradients that learned matrices transform along each mode.

    The modes (tensor axes) of the gradient `G` of a weight are its outputs, its inputs and, for a
    convolution, its flattened kernel positions. With a learned matrix for each mode, initialised to
    the identity, an inner step is

        G' = G x_1 M_positions x_2 M_inputs x_3 M_outputs
        w <- w - learning_rate G'

    Args:
        learning_rate: float, `Learned`, or a schedule over the inner steps.
        max_size: int. A mode longer than this, such as the vocabulary of an embedding, has no
            matrix.
        **kwargs: Other arguments of `SGD`.

    Example:

    ```python
    import keras_meta
    from keras_meta.inner_optimizers import Curvature

    learner = keras_meta.learners.MAML(
        keras_meta.networks.SinusoidMLP(), inner_optimizer=Curvature(0.01)
    )
    ```

    Reference:
        [Park and Oliva, 2019](https://arxiv.org/abs/1902.03356)
    """

    def __init__(self, learning_rate=0.01, max_size=1024, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.max_size = max_size

    def prepare(self, weights, layers, steps):
        super().prepare(weights, layers, steps)
        self._matrices = [
            [self._matrix(position, mode, weight.dtype) for mode in _modes(weight.shape)]
            for position, weight in enumerate(weights)
        ]

    def read(self):
        matrices = [
            [None if m is None else tf.convert_to_tensor(m.value) for m in of_weight]
            for of_weight in self._matrices
        ]

        def at(position, step, dtype):
            del step
            return [None if m is None else tf.cast(m, dtype) for m in matrices[position]]

        return {**super().read(), "matrices": at}

    def update_weight(self, weight, gradient, slots, learning_rate, matrices, **settings):
        modes = tf.reshape(gradient, _modes(weight.shape))
        for matrix in matrices:
            # Contracts the first mode and moves it to the end, so that each mode has its turn.
            if matrix is None:
                modes = tf.experimental.numpy.moveaxis(modes, 0, -1)
            else:
                modes = tf.tensordot(modes, matrix, [[0], [0]])
        gradient = tf.reshape(modes, weight.shape)
        return super().update_weight(weight, gradient, slots, learning_rate, **settings)

    def _matrix(self, position, size, dtype):
        if size == 1 or size > self.max_size:
            return None
        return self.add_weight(
            name=f"curvature_{position}", shape=(size, size), initializer="identity", dtype=dtype
        )

    def get_config(self):
        return {**super().get_config(), "max_size": self.max_size}


def _modes(shape):
    """Returns the lengths of the modes that a weight has, of positions, inputs and outputs."""
    if len(shape) <= 2:
        return [int(x) for x in shape]
    return [int(np.prod(shape[:-2])), int(shape[-2]), int(shape[-1])]
