"""A stand-in for a learner, whose loss and divergence are quadratic functions."""

import keras
import numpy as np
import tensorflow as tf

from keras_meta.outer_loop import Outcome

MATRIX = np.array([[3.0, 0.5, 0.2], [0.5, 2.0, -0.3], [0.2, -0.3, 1.0]])
FISHER = np.array([[2.0, 0.3, 0.0], [0.3, 1.5, 0.1], [0.0, 0.1, 0.8]])
MINIMUM = np.array([1.0, -2.0, 0.5])


class Quadratic:
    """A learner with weights `w`, in two variables.

        L = (w - m)^T A (w - m) / 2,    KL = (w - w_old)^T F (w - w_old) / 2

    A third variable has no influence. The loss of the two tasks differs by 1 from their mean.
    """

    def __init__(self, optimizer=None):
        self.optimizer = optimizer or keras.optimizers.SGD(0.1)
        self.first = keras.Variable([0.0, 1.0], dtype="float64")
        self.second = keras.Variable([[3.0]], dtype="float64")
        self.other = keras.Variable([5.0], dtype="float64")
        self.trainable_variables = [self.first, self.second, self.other]

    @staticmethod
    def point(values):
        return tf.concat([values[0], tf.reshape(values[1], [1])], 0)

    def loss(self, point):
        offset = point - MINIMUM
        return tf.reduce_sum(offset * tf.linalg.matvec(MATRIX, offset)) / 2

    def divergence(self, old, new):
        return tf.reduce_sum((new - old) * tf.linalg.matvec(FISHER, new - old)) / 2

    def parts(self, vector):
        return [vector[:2], tf.reshape(vector[2:3], [1, 1])]

    def gradients_of(self, experience):
        point = self.point([self.first.value, self.second.value])
        gradient = tf.linalg.matvec(MATRIX, point - MINIMUM)
        loss = self.loss(point) + tf.constant([-1.0, 1.0], tf.float64)
        return [*self.parts(gradient), None], Outcome(loss, (), ())

    def fisher_product(self, experience, tangent):
        product = tf.linalg.matvec(FISHER, self.point(tangent))
        return [*self.parts(product), tf.zeros([1], tf.float64)]

    def evaluate_at(self, values, experience):
        old = self.point([self.first.value, self.second.value])
        new = self.point(values)
        return self.loss(new), self.divergence(old, new)

    def numbers(self):
        return self.point([self.first.value, self.second.value]).numpy()
