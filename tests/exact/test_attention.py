"""Attention by matrix products equals that of Keras, with all derivatives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.exact import attention, private
from keras_meta.inner_loop.functional import FunctionalModel

BATCH, PLACES, OTHERS, HEADS, SIZE = 2, 3, 5, 2, 4


def tensors(dtype="float64", others=OTHERS):
    random = np.random.default_rng(0)
    shapes = [(BATCH, n, HEADS, SIZE) for n in (PLACES, others, others)]
    return [tf.constant(random.normal(size=shape), dtype) for shape in shapes]


def derivatives(function, arguments):
    """The value, and directional derivatives of first and second order."""
    with tf.GradientTape() as outer, tf.GradientTape() as inner:
        outer.watch(arguments)
        inner.watch(arguments)
        value = function(*arguments)
        scalar = tf.reduce_sum(tf.sin(value))
        first = inner.gradient(scalar, arguments)
        slope = sum(tf.reduce_sum(tf.sin(x)) for x in first)
    return [value, *first, *outer.gradient(slope, arguments)]


def some_masked():
    """Which places attend where: one row attends to nothing, as that of a padded example."""
    allowed = np.random.default_rng(1).random((BATCH, 1, PLACES, OTHERS)) < 0.6
    allowed[0, 0, 1] = False
    return allowed


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scale": 0.3},
        {"mask": tf.constant(some_masked())},
        {"mask": tf.constant([[[[True, False, True, True, False]]]])},
        {"is_causal": True},
        {"is_causal": True, "mask": tf.constant(some_masked())},
        {"bias": tf.constant(np.random.default_rng(2).normal(size=(1, HEADS, PLACES, OTHERS)))},
    ],
    ids=["plain", "scale", "masked", "broadcast", "causal", "causal, masked", "bias"],
)
def test_equals_keras_to_second_order(options):
    ours, stock = (
        derivatives(lambda *x, f=function: f(*x, **options), tensors())
        for function in (attention.dot_product_attention, private.stock_attention)
    )
    for a, b in zip(ours, stock, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_half_precision_is_left_to_keras():
    half = tensors("bfloat16")
    np.testing.assert_array_equal(
        tf.cast(attention.dot_product_attention(*half), "float32"),
        tf.cast(private.stock_attention(*half), "float32"),
    )


def test_keys_that_several_heads_share():
    x = keras.Input((6, 4))
    model = keras.Model(x, keras.layers.GroupQueryAttention(3, 4, 2)(x, x))
    function = FunctionalModel(model)
    values = tf.random.stateless_normal((2, 6, 4), (0, 1))
    predictions = function(values, function.initial_weights()).predictions
    np.testing.assert_allclose(predictions, model(values), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("causal", [False, True])
def test_models_attend_by_it(causal):
    x = keras.Input((6, 4))
    y = keras.layers.MultiHeadAttention(2, 3)(x, x, use_causal_mask=causal)
    model = keras.Model(x, y)
    function = FunctionalModel(model)
    values = tf.random.stateless_normal((2, 6, 4), (0, 1))
    weights = function.initial_weights()
    np.testing.assert_allclose(
        function(values, weights).predictions, model(values), rtol=1e-5, atol=1e-6
    )

    @tf.function
    def compute(values):
        return function(values, weights).predictions

    types = {op.type for op in compute.get_concrete_function(values).graph.get_operations()}
    assert "BatchMatMulV2" in types and not types & {"SelectV2", "Einsum"}
