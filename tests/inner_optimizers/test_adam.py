"""Adam, against Keras's own and where a gradient is zero."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.inner_optimizers import Adam
from tests.inner_optimizers import descents


def test_equals_the_optimizer_of_keras():
    """Its `epsilon` is not under the root, which makes a difference of less than `epsilon`."""
    descents.assert_equals_keras(Adam(0.1, 0.8, 0.9), keras.optimizers.Adam(0.1, 0.8, 0.9))


def test_equals_its_equations():
    weights = [x.astype("float64") for x in descents.START]
    m, v = ([0.0 * x for x in weights] for _ in range(2))
    inner = Adam(0.1, 0.8, 0.9, epsilon=0.5)
    for t, found in enumerate(descents.descend(inner, start=weights), start=1):
        given = descents.gradients(weights)
        m = [0.8 * a + 0.2 * g for a, g in zip(m, given, strict=True)]
        v = [0.9 * a + 0.1 * g**2 for a, g in zip(v, given, strict=True)]
        for i, weight in enumerate(weights):
            root = np.sqrt(v[i] / (1 - 0.9**t) + 0.5**2)
            weights[i] = weight - 0.1 * m[i] / (1 - 0.8**t) / root
            np.testing.assert_allclose(found[i], weights[i], rtol=1e-6)


def test_a_step_has_a_derivative_where_the_gradient_is_zero():
    inner = descents.prepared(Adam(0.1, epsilon=1e-3), [np.zeros(2, "float32")])
    gradient = tf.constant([0.0, 1.0])
    with tf.GradientTape() as tape:
        tape.watch(gradient)
        weight = tf.zeros(2)
        (after,), _ = inner.update([weight], [gradient], inner.init([weight]), 0, inner.read())
    # -0.1 g / sqrt(g^2 + epsilon^2) has the slope -0.1 / epsilon at zero, and nearly 0 at 1.
    np.testing.assert_allclose(tape.gradient(after, gradient), [-100.0, 0.0], atol=1e-3)


def test_the_number_of_steps_goes_on_with_the_slots():
    inner = descents.prepared(Adam(0.1))
    weights = [tf.constant(x) for x in descents.START]
    _, slots = inner.update(weights, weights, inner.init(weights), 0, inner.read())
    _, slots = inner.update(weights, weights, slots, 0, inner.read())
    assert [float(t) for *_, t in slots] == [2.0, 2.0]


def test_configuration():
    inner = Adam(0.1, 0.8, 0.9, epsilon=1e-5, weight_decay=0.1)
    descents.assert_configuration_survives(inner)
    assert inner.get_config()["epsilon"] == 1e-5


def test_settings_are_numbers():
    with pytest.raises(ValueError, match="Received: beta_1='high'"):
        Adam(beta_1="high")
