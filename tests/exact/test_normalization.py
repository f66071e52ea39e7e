"""Normalisation by the library's kernels equals that by the definition, with both derivatives."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta.exact import normalization


def by_definition(x, gamma, beta, epsilon):
    mean, variance = normalization.exact_moments(x, list(range(x.shape.rank - 1)))
    return (x - mean) * tf.math.rsqrt(variance + epsilon) * gamma + beta, (mean, variance)


def second_order(function, dtype, shape):
    """The values, all first derivatives and all derivatives of a function of those."""
    random = np.random.default_rng(0)
    shapes = [shape, shape[-1:], shape[-1:]]
    of_gamma = normalization.wide(tf.zeros([], dtype)).dtype
    # The same numbers in every precision.
    sources = [
        tf.cast(tf.cast(random.normal(size=s) + 2.0, "bfloat16"), t)
        for s, t in zip(shapes, (dtype, of_gamma, of_gamma), strict=True)
    ]

    def summed(values):
        return sum(
            tf.reduce_sum(tf.cast(value, "float64") ** 2 * random.normal(size=value.shape))
            for value in tf.nest.flatten(values)
        )

    with tf.GradientTape() as outer:
        outer.watch(sources)
        with tf.GradientTape() as inner:
            inner.watch(sources)
            values = function(*sources, 1e-3)
            loss = summed(values)
        first = inner.gradient(loss, sources)
        of_first = summed(first)
    return [*tf.nest.flatten(values), *first, *outer.gradient(of_first, sources)]


@pytest.mark.parametrize("shape", [(3, 5, 4, 6), (40, 6), (2, 9, 6)])
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    "dtype, tolerance", [("bfloat16", 0.02), ("float32", 1e-5), ("float64", 1e-12)]
)
def test_equals_the_definition_to_second_order(shape, large, dtype, tolerance, monkeypatch):
    monkeypatch.setattr(normalization, "_FUSED_SIZE", 1 if large else 2**62)
    results = second_order(normalization.normalize, dtype, shape)
    expected = second_order(by_definition, "float64", shape)
    for ours, theirs in zip(results, expected, strict=True):
        error = tf.norm(tf.cast(ours, "float64") - theirs) / tf.norm(theirs)
        assert error < tolerance


def test_a_third_derivative_is_refused():
    x, ones = tf.constant(np.random.default_rng(0).normal(size=(5, 2))), tf.ones(2, tf.float64)
    with tf.GradientTape() as third:
        third.watch(x)
        with tf.GradientTape() as second:
            second.watch(x)
            with tf.GradientTape() as first:
                first.watch(x)
                value = tf.reduce_sum(normalization.normalize(x, ones, ones, 1e-3)[0] ** 3)
            value = tf.reduce_sum(first.gradient(value, x) ** 2)
        value = tf.reduce_sum(second.gradient(value, x) ** 2)
    with pytest.raises(NotImplementedError, match="no third"):
        third.gradient(value, x)
