"""Derivatives of a minimum, beside those that are known in closed form."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta.inner_loop import implicit

GENERATOR = np.random.default_rng(0)
ROOT = GENERATOR.normal(size=(5, 5))
A = ROOT @ ROOT.T + np.eye(5)
B, V = GENERATOR.normal(size=(2, 5))


def product(u):
    """Of the matrix with a vector in two parts, as weights are."""
    flat = tf.linalg.matvec(A, joined(u))
    return [flat[:2], tf.reshape(flat[2:], [3, 1])]


def parts(vector):
    return [tf.constant(vector[:2]), tf.constant(vector[2:, None])]


def joined(vectors):
    return tf.concat([tf.reshape(x, [-1]) for x in vectors], 0)


def test_as_many_steps_as_unknowns_solve_the_system():
    found = implicit.conjugate_gradient(product, parts(B), steps=5)
    np.testing.assert_allclose(joined(found), np.linalg.solve(A, B), rtol=1e-8)
    assert [x.shape for x in found] == [(2,), (3, 1)]


def test_fewer_steps_come_near_and_more_stay_there():
    exact = np.linalg.solve(A, B)
    errors = [
        np.linalg.norm(joined(implicit.conjugate_gradient(product, parts(B), steps)) - exact)
        for steps in (0, 2, 5, 20)
    ]
    assert errors[0] == np.linalg.norm(exact) > errors[1] > errors[2]
    assert errors[3] < 1e-8  # nothing is left to do, and nothing is divided by zero


def test_a_system_without_a_right_hand_side_has_no_solution_but_zero():
    found = implicit.conjugate_gradient(product, parts(0.0 * B), steps=3)
    np.testing.assert_array_equal(joined(found), np.zeros(5))


def ridge_gradient(weights, parameters):
    """Of `L(w, p) = w A w / 2 - w p`, whose minimum is `A^-1 p`."""
    return [x - p for x, p in zip(product(weights), parameters, strict=True)]


@pytest.mark.parametrize("compiled", [False, True])
def test_the_derivative_of_a_minimum(compiled):
    calls = []

    def find(parameters):
        calls.append(1)
        solved = tf.linalg.solve(tf.constant(A), joined(parameters)[:, None])[:, 0]
        return [solved[:2], tf.reshape(solved[2:], [3, 1])], {"loss": tf.reduce_sum(solved)}

    def run(p):
        with tf.GradientTape() as tape:
            tape.watch(p)
            weights, rest = implicit.solution(find, ridge_gradient, p, steps=5)
            value = tf.reduce_sum(V[:2] * weights[0]) + tf.reduce_sum(V[2:, None] * weights[1])
            total = value + rest["loss"]
        return value, rest["loss"], tape.gradient(total, p)

    value, loss, gradients = (tf.function(run) if compiled else run)(parts(B))
    minimum = np.linalg.solve(A, B)
    np.testing.assert_allclose([value, loss], [V @ minimum, minimum.sum()])
    # What else was found has no derivative.
    np.testing.assert_allclose(joined(gradients), np.linalg.solve(A, V), rtol=1e-8)
    assert len(calls) == 1


def test_a_nonlinear_minimum_beside_central_differences():
    """`w* = argmin e^w - p w = log p`, found by Newton's method."""

    def find(parameters):
        (p,), w = parameters, tf.constant(0.0, tf.float64)
        for _ in range(30):
            w -= 1.0 - p * tf.exp(-w)
        return [w], ()

    def gradient(weights, parameters):
        return [tf.exp(weights[0]) - parameters[0]]

    p = tf.constant(2.5, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(p)
        (w,), _ = implicit.solution(find, gradient, [p], steps=1)
    np.testing.assert_allclose([w, tape.gradient(w, p)], [np.log(2.5), 1 / 2.5])
