"""Gradients transformed by a matrix for each mode."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.inner_optimizers import SGD, Curvature
from tests.inner_optimizers import descents

GENERATOR = np.random.default_rng(0)


def normal(*shape):
    return GENERATOR.normal(size=shape).astype("float32")


def matrices(inner):
    """The matrices of the modes of the only weight, with other values than at the start."""
    for variable in inner.trainable_variables:
        variable.assign(normal(*variable.shape))
    return [v.numpy() for v in inner.trainable_variables]


def step(inner, weight, gradient):
    weight, gradient = tf.constant(weight), tf.constant(gradient)
    (after,), _ = inner.update([weight], [gradient], inner.init([weight]), 0, inner.read())
    return after.numpy()


def test_it_starts_as_gradient_descent():
    for found, expected in zip(
        descents.descend(Curvature(0.1, momentum=0.9)), descents.descend(SGD(0.1, 0.9)), strict=True
    ):
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "equation"),
    [
        ((4,), "a,ap->p"),
        ((3, 4), "ab,ap,bq->pq"),
        ((2, 3, 4), "abc,ap,bq,cr->pqr"),
    ],
)
def test_each_mode_of_the_gradient_is_multiplied_by_its_matrix(shape, equation):
    weight, gradient = normal(*shape), normal(*shape)
    inner = descents.prepared(Curvature(0.1), [weight])
    transformed = np.einsum(equation, gradient, *matrices(inner))
    np.testing.assert_allclose(step(inner, weight, gradient), weight - 0.1 * transformed, atol=1e-5)


def test_the_positions_of_a_convolution_are_one_mode():
    shape = (3, 2, 4, 5)
    weight, gradient = normal(*shape), normal(*shape)
    inner = descents.prepared(Curvature(0.1), [weight])
    given = matrices(inner)
    assert [m.shape for m in given] == [(6, 6), (4, 4), (5, 5)]
    modes = np.einsum("abc,ap,bq,cr->pqr", gradient.reshape(6, 4, 5), *given)
    expected = weight - 0.1 * modes.reshape(shape)
    np.testing.assert_allclose(step(inner, weight, gradient), expected, atol=1e-5)


def test_modes_that_are_long_or_of_one_element_have_no_matrix():
    weight, gradient = normal(8, 1, 3), normal(8, 1, 3)
    inner = descents.prepared(Curvature(0.1, max_size=7), [weight])
    (matrix,) = matrices(inner)
    assert matrix.shape == (3, 3)
    np.testing.assert_allclose(
        step(inner, weight, gradient), weight - 0.1 * gradient @ matrix, atol=1e-5
    )


def test_the_matrices_are_learned():
    weight, gradient = normal(2, 3), normal(2, 3)
    inner = descents.prepared(Curvature(0.1), [weight])
    with tf.GradientTape() as tape:
        # Read inside the tape, as a learner does.
        (after,), _ = inner.update(
            [tf.constant(weight)], [tf.constant(gradient)], [()], 0, inner.read()
        )
        loss = tf.reduce_sum(after)
    rows, columns = tape.gradient(loss, [v.value for v in inner.trainable_variables])
    # d(sum of G' )/dM at the identity: the sums of G over the other mode, for each column of M.
    expected = np.tile(gradient.sum(1)[:, None], (1, 2))
    np.testing.assert_allclose(rows, -0.1 * expected, atol=1e-6)
    expected = np.tile(gradient.sum(0)[:, None], (1, 3))
    np.testing.assert_allclose(columns, -0.1 * expected, atol=1e-6)


def test_configuration():
    inner = Curvature(0.1, max_size=7, momentum=0.9)
    descents.assert_configuration_survives(inner)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(inner))
    assert copy.max_size == 7
