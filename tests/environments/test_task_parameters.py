"""Drawn parameters of tasks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.environments import Choice, Uniform


def test_uniform_numbers_fill_the_box():
    parameter = Uniform([0.0, 1.0], [2.0, 3.0])
    assert parameter.shape == (2,)
    drawn = parameter.sample(tf.constant([[0.0, 0.25], [0.5, 0.75]]))
    np.testing.assert_allclose(drawn, [[0.0, 1.5], [1.0, 2.5]])


@pytest.mark.parametrize(
    "values", [[1, 2, 5], [1.5, 2.5, 0.0], [True, False, True], ["a", "b", "c"]]
)
def test_every_value_is_as_likely(values):
    drawn = Choice(values).sample(tf.constant([0.0, 0.33, 0.34, 0.66, 0.67, 1 - 2**-24]))
    expected = [values[i] for i in (0, 0, 1, 1, 2, 2)]
    np.testing.assert_array_equal(drawn, tf.constant(expected))


@pytest.mark.parametrize("parameter", [Uniform([0.0, 1.0], [2.0, 3.0]), Choice([1, 2, 5])])
def test_config(parameter):
    config = keras.saving.serialize_keras_object(parameter)
    restored = keras.saving.deserialize_keras_object(config)
    uniform = tf.random.stateless_uniform([5, *parameter.shape], [0, 1])
    np.testing.assert_array_equal(restored.sample(uniform), parameter.sample(uniform))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Uniform(1.0, 0.0), "low=1.0, high=0.0"),
        (lambda: Uniform(0.0, np.inf), "high=inf"),
        (lambda: Choice([]), r"values=\[\]"),
    ],
)
def test_impossible_parameters_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
