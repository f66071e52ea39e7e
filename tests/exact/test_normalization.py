"""Normalisation by the library's kernels equals that by the definition, with both derivatives."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta.exact import normalization


def by_definition(x, gamma, beta, epsilon):
    mean, variance = normalization.exact_moments(x, list(range(x.shape.rank - 1)))
    return (x - mean) * tf.math.rsqrt(variance + epsilon) * gamma + beta


def second_order(function, dtype, shape):
    """The value, all first derivatives and all derivatives of a function of those."""
    random = np.random.default_rng(0)
    shapes = [shape, shape[-1:], shape[-1:]]
    sources = [tf.constant(random.normal(size=s) + 2.0, dtype) for s in shapes]
    weights = [tf.constant(random.normal(size=s), dtype) for s in [shape, *shapes]]
    with tf.GradientTape() as outer:
        outer.watch(sources)
        with tf.GradientTape() as inner:
            inner.watch(sources)
            value = function(*sources, 1e-3)
            loss = tf.reduce_sum(tf.sin(value) * weights[0])
        first = inner.gradient(loss, sources)
        of_first = sum(
            tf.reduce_sum(tf.sin(g) * w) for g, w in zip(first, weights[1:], strict=True)
        )
    return [value, *first, *outer.gradient(of_first, sources)]


@pytest.mark.parametrize("shape", [(3, 5, 4, 6), (40, 6), (2, 9, 6)])
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-4), ("float64", 1e-12)])
def test_equals_the_definition_to_second_order(shape, large, dtype, tolerance, monkeypatch):
    monkeypatch.setattr(normalization, "_FUSED_SIZE", 1 if large else 2**62)
    results = second_order(normalization.normalize, dtype, shape)
    expected = second_order(by_definition, "float64", shape)
    for ours, theirs in zip(results, expected, strict=True):
        scale = np.max(np.abs(theirs))
        np.testing.assert_allclose(ours, theirs, atol=tolerance * scale, rtol=0)


def test_a_third_derivative_is_refused():
    x, ones = tf.constant(np.random.default_rng(0).normal(size=(5, 2))), tf.ones(2, tf.float64)
    with tf.GradientTape() as third:
        third.watch(x)
        with tf.GradientTape() as second:
            second.watch(x)
            with tf.GradientTape() as first:
                first.watch(x)
                value = tf.reduce_sum(normalization.normalize(x, ones, ones, 1e-3) ** 3)
            value = tf.reduce_sum(first.gradient(value, x) ** 2)
        value = tf.reduce_sum(second.gradient(value, x) ** 2)
    with pytest.raises(NotImplementedError, match="no third"):
        third.gradient(value, x)
