"""Classifiers of embedded examples that are fitted by gradient steps: where they start, and scores.

With embedded examples `[n, size]`, each of these classes has the methods

    shapes(size, ways)              of the weights that the steps change; `ways` may be `None`
    initial(features, one_hot)      these weights before the first step
    head(weights, absent_bias)      the head, with a bias that rules out classes without examples
    pretraining_layer(size, num_classes, dtype)      the same scores as a layer with its own weights
"""

import keras
import tensorflow as tf

from keras_meta.heads.linear import class_means


class InnerProducts:
    """Scores `f W + b`, from `W = 0` and `b = 0`."""

    def shapes(self, size, ways):
        """Shapes of `W` and `b`."""
        return [(size, ways), (ways,)]

    def initial(self, features, one_hot):
        """Zeros."""
        shapes = self.shapes(features.shape[1], tf.shape(one_hot)[1])
        return [tf.zeros(shape, features.dtype) for shape in shapes]

    def head(self, weights, absent_bias):
        """Returns `[W, b]`."""
        kernel, bias = weights
        return [kernel, bias + absent_bias]

    def pretraining_layer(self, size, num_classes, dtype):
        """Returns a `Dense` layer."""
        del size
        return keras.layers.Dense(num_classes, name="classes", dtype=dtype)


class Cosines:
    """Scores `t cos(f, w_n)`, from the mean `w_n` of the unit-length features of each class.

    Args:
        scale: float. The factor `t`.
    """

    def __init__(self, scale=10.0):
        self.scale = scale

    def shapes(self, size, ways):
        """Shape of `W`, whose columns are `w_n`."""
        return [(size, ways)]

    def initial(self, features, one_hot):
        """Class means."""
        return [class_means(tf.nn.l2_normalize(features, -1), one_hot)[0]]

    def head(self, weights, absent_bias):
        """Returns `[t W / |w_n|, b]`, for features of unit length."""
        return [self.scale * tf.nn.l2_normalize(weights[0], 0), absent_bias]

    def pretraining_layer(self, size, num_classes, dtype):
        """Returns a model whose kernel is kept at unit length after each step."""
        layers, unit = keras.layers, keras.constraints.UnitNorm(axis=0)
        return keras.Sequential(
            [
                keras.Input((size,), dtype=dtype),
                layers.UnitNormalization(dtype=dtype),
                layers.Dense(num_classes, use_bias=False, kernel_constraint=unit, dtype=dtype),
                layers.Rescaling(self.scale, dtype=dtype),
            ],
            name="classes",
        )
