"""Variables with a value for each number of inner steps."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.inner_loop.tables import row, table


def owner():
    return keras.layers.Layer(name="owner")


def test_every_row_starts_as_the_variable():
    variable = keras.Variable([1.0, 2.0], name="scale")
    layer = owner()
    made = table(layer, variable, rows=3)
    np.testing.assert_array_equal(made.numpy(), [[1.0, 2.0]] * 3)
    assert layer.trainable_variables == [made]
    assert made.name == "scale_by_step"


@pytest.mark.parametrize("trainable, dtype", [(True, "float64"), (False, "float32")])
def test_it_is_of_the_kind_of_its_variable(trainable, dtype):
    # A third is another number in single precision.
    variable = keras.Variable(np.float64(1 / 3), trainable=trainable, dtype=dtype)
    made = table(owner(), variable, rows=2)
    assert made.trainable == trainable and made.dtype == dtype
    np.testing.assert_array_equal(made.numpy(), [variable.numpy()] * 2)


@pytest.mark.parametrize("as_step", [int, tf.constant])
def test_beyond_the_last_row_is_the_last(as_step):
    values = tf.constant([[1.0], [2.0], [3.0]])
    found = [float(row(values, as_step(step))[0]) for step in (0, 1, 2, 3, 100)]
    assert found == [1.0, 2.0, 3.0, 3.0, 3.0]


def test_the_gradient_of_a_row_is_of_that_row():
    values = tf.ones([3, 2])
    with tf.GradientTape() as tape:
        tape.watch(values)
        total = tf.reduce_sum(row(values, tf.constant(1)) * [4.0, 5.0])
    gradient = tf.convert_to_tensor(tape.gradient(total, values))
    np.testing.assert_array_equal(gradient, [[0, 0], [4, 5], [0, 0]])
