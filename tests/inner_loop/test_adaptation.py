"""The gradient of an inner step, and the two ways to take many."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta.inner_loop import adaptation


def cubes(weights):
    return tf.reduce_sum(weights[0] ** 3), "what else there is"


def test_a_gradient_is_differentiable_unless_it_is_of_first_order():
    weight = tf.constant([1.0, -2.0])
    for first_order, expected in ((False, 6.0 * weight), (True, None)):
        with tf.GradientTape() as tape:
            tape.watch(weight)
            (gradient,), auxiliary = adaptation.gradients(cubes, [weight], first_order)
        np.testing.assert_allclose(gradient, 3.0 * weight**2)
        assert auxiliary == "what else there is"
        second = tape.gradient(gradient, weight)
        assert second is None if expected is None else np.allclose(second, expected)


def test_a_weight_without_influence_has_no_gradient():
    weights = [tf.constant([1.0]), tf.constant([5.0])]
    for first_order in (False, True):
        (first, none), _ = adaptation.gradients(cubes, weights, first_order)
        assert none is None and first[0] == 3.0


def test_slices_become_tensors():
    table = tf.ones([4, 2])
    (gradient,), _ = adaptation.gradients(
        lambda weights: (tf.reduce_sum(tf.gather(weights[0], [1, 1])), ()), [table]
    )
    np.testing.assert_array_equal(gradient, [[0, 0], [2, 2], [0, 0], [0, 0]])


def test_a_scale_holds_what_half_precision_would_lose():
    def loss(weights, scale):
        half = tf.cast(weights[0], tf.float16)  # through which the derivative goes
        return tf.reduce_sum(2.0**-30 * tf.cast(half, tf.float32)), (), scale

    weight = tf.constant([1.0])
    (lost,), _ = adaptation.gradients(lambda weights: loss(weights, None), [weight])
    (held,), _ = adaptation.gradients(lambda weights: loss(weights, 2.0**30), [weight])
    assert lost[0] == 0.0 and held[0] == 2.0**-30


def step(state, number):
    return 2.0 * state + tf.cast(number, tf.float32)


def test_unrolled_states_are_those_after_each_step():
    states = [float(x) for x in adaptation.descend(step, tf.constant(1.0), 3)]
    assert states == [1.0, 2.0, 5.0, 12.0]
    assert [float(x) for x in adaptation.descend(step, tf.constant(1.0), 0)] == [1.0]


@pytest.mark.parametrize("steps", [0, 3, tf.constant(3)])
def test_a_loop_ends_where_the_unrolled_steps_do(steps):
    *_, expected = adaptation.descend(step, tf.constant(1.0), int(steps))
    assert adaptation.loop(step, tf.constant(1.0), steps) == expected
    assert tf.function(adaptation.loop, autograph=False)(step, tf.constant(1.0), steps) == expected
