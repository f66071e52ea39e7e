"""Weights of tasks, queries and positions broadcast to losses."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta.outer_loop import sample_weights


@pytest.mark.parametrize("shape", [(2,), (2, 5), (2, 5, 7)])
def test_weights_of_sequences(shape):
    weight = tf.constant(np.random.default_rng(0).random(shape), tf.float32)
    full = np.reshape(weight, shape + (1,) * (3 - len(shape)))
    np.testing.assert_array_equal(sample_weights.aligned(weight, {}, 3), full)
    masked = {"query_mask": tf.ones((2, 5))}
    found = sample_weights.aligned(weight, masked, 3)
    np.testing.assert_array_equal(found, np.broadcast_to(full, (2, 5, full.shape[2])))


@pytest.mark.parametrize("axes, forms", [(2, r"\[tasks, queries\]."), (3, "queries, time]")])
def test_weights_of_too_many_axes(axes, forms):
    with pytest.raises(ValueError, match=forms):
        sample_weights.aligned(tf.ones([2] * (axes + 1)), {}, axes)


def test_a_trace_for_every_form():
    @tf.function(input_signature=[tf.TensorSpec(None)])
    def aligned(weight):
        found = sample_weights.aligned(weight, {}, 3)
        assert found.shape.rank == 3
        return found

    for shape in ((2,), (2, 5), (2, 5, 7)):
        assert aligned(tf.ones(shape)).shape == shape + (1,) * (3 - len(shape))
