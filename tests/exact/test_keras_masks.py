"""Keras masks are carried through operations and through maps over tasks."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta.exact import keras_masks, private
from keras_meta.outer_loop import task_map

X, MASK = tf.reshape(tf.range(12.0), (3, 4)), tf.constant(np.eye(3, 4, dtype=bool))


def masked(x, mask):
    x = tf.identity(x)
    private.set_keras_mask(x, mask)
    return x


def test_a_function_is_applied_to_the_mask_as_well():
    nest = {"a": masked(X, MASK), "b": X, "c": None}
    found = keras_masks.carried(lambda x: x[:2], nest)
    np.testing.assert_array_equal(found["a"], X[:2])
    np.testing.assert_array_equal(private.keras_mask(found["a"]), MASK[:2])
    assert private.keras_mask(found["b"]) is None and found["c"] is None
    other = keras_masks.carried(lambda x: -x, nest["a"], of_mask=tf.logical_not)
    np.testing.assert_array_equal(private.keras_mask(other), ~MASK.numpy())


@pytest.mark.parametrize("how", ["loop", "vectorize", "eager"])
def test_maps_over_tasks_stack_masks(how):
    def of_task(task, index):
        x, mask = task
        return tf.reduce_sum(x), {"masked": masked(2 * x, mask), "plain": x}

    def mapped():
        summed, stacked = task_map.map_tasks(of_task, (X, MASK), "loop" if how == "eager" else how)
        return summed, stacked, keras_masks.masks(stacked)

    summed, stacked, masks = mapped() if how == "eager" else tf.function(mapped)()
    assert float(summed) == 66.0 and masks["plain"] is None
    np.testing.assert_array_equal(stacked["masked"], 2 * X)
    np.testing.assert_array_equal(masks["masked"], MASK)
