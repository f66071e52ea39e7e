"""How the batch normalisation layers of a model normalise in one pass."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.exact.replacement import replaced
from keras_meta.inner_loop import rules

X = np.random.default_rng(0).normal(2.0, 3.0, size=(4, 5, 3)).astype("float32")
MEAN, VARIANCE, EPSILON = X.mean((0, 1)), X.var((0, 1)), 1e-3
STORED = np.array([1.0, 2.0, 3.0], "float32"), np.array([4.0, 5.0, 6.0], "float32")
GAMMA, BETA = np.array([2.0, 1.0, 0.5], "float32"), np.array([0.1, 0.2, 0.3], "float32")


def layer(**kwargs):
    made = keras.layers.BatchNormalization(epsilon=EPSILON, **kwargs)
    made.build(X.shape)
    made.set_weights([GAMMA, BETA, *STORED][4 - len(made.weights) :])
    return made


def normalized(x, mean, variance, gamma=GAMMA, beta=BETA):
    return gamma * (x - mean) / np.sqrt(variance + EPSILON) + beta


def run(made, rule, x=X, **kwargs):
    """What a layer gives under a rule, and what it has written."""
    scope = keras.StatelessScope()
    with scope, replaced(rules.replacements([made], rule)):
        outputs = made(x, **kwargs)
    written = [scope.get_current_value(v) for v in (made.moving_mean, made.moving_variance)]
    for variable, value in zip((made.moving_mean, made.moving_variance), STORED, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)  # never the layer itself
    return outputs, written


@pytest.mark.parametrize(
    "rule, used, observes",
    [
        (rules.batch, (MEAN, VARIANCE), True),
        (rules.stored, STORED, False),
        (rules.observe, STORED, True),
    ],
)
@pytest.mark.parametrize("training", [False, True])
def test_rules(rule, used, observes, training):
    outputs, written = run(layer(), rule, training=training)
    np.testing.assert_allclose(outputs, normalized(X, *used), atol=2e-6)
    if observes:
        np.testing.assert_allclose(written, [MEAN, VARIANCE], rtol=1e-5)
    else:
        assert written == [None, None]


@pytest.mark.parametrize("rule", [rules.batch, rules.stored, rules.observe])
def test_a_frozen_layer_keeps_to_its_stored_statistics(rule):
    frozen = layer()
    frozen.trainable = False
    outputs, written = run(frozen, rule)
    np.testing.assert_allclose(outputs, normalized(X, *STORED), atol=2e-6)
    assert written == [None, None]


@pytest.mark.parametrize("axis", [1, -2])
def test_channels_need_not_be_last(axis):
    made = keras.layers.BatchNormalization(axis=axis, epsilon=EPSILON)
    made.build((None, 3, 5))
    made.set_weights([GAMMA, BETA, *STORED])
    outputs, written = run(made, rules.batch, X.transpose(0, 2, 1))
    expected = normalized(X, MEAN, VARIANCE).transpose(0, 2, 1)
    np.testing.assert_allclose(outputs, expected, atol=2e-6)
    np.testing.assert_allclose(written, [MEAN, VARIANCE], rtol=1e-5)


def test_without_scale_and_shift():
    made = keras.layers.BatchNormalization(epsilon=EPSILON, scale=False, center=False)
    made.build(X.shape)
    made.set_weights(STORED)
    for rule, used in ((rules.batch, (MEAN, VARIANCE)), (rules.stored, STORED)):
        outputs, _ = run(made, rule)
        np.testing.assert_allclose(outputs, normalized(X, *used, 1.0, 0.0), atol=2e-6)


@pytest.mark.parametrize("rule", [rules.batch, rules.observe])
def test_a_mask_leaves_positions_out_of_the_statistics(rule):
    mask = np.arange(20).reshape(4, 5) % 3 > 0
    outputs, written = run(layer(), rule, mask=tf.constant(mask))
    moments = X[mask].mean(0), X[mask].var(0)
    np.testing.assert_allclose(written, moments, rtol=1e-5)
    used = moments if rule is rules.batch else STORED
    np.testing.assert_allclose(outputs, normalized(X, *used), atol=2e-6)


def test_nothing_but_masked_positions_is_no_number_less():
    outputs, written = run(layer(), rules.batch, mask=tf.zeros((4, 5), tf.bool))
    np.testing.assert_array_equal(written, np.zeros((2, 3)))
    assert np.isfinite(outputs).all()


def test_half_precision_is_normalised_in_single():
    half = layer(dtype="mixed_float16")
    x = 3000.0 + X  # whose squares float16 does not hold
    outputs, written = run(half, rules.batch, x)
    assert outputs.dtype == "float16" and written[0].dtype == "float32"
    x = np.float32(np.float16(x))
    np.testing.assert_allclose(written[1], x.var((0, 1)), rtol=1e-3)
    np.testing.assert_allclose(outputs, normalized(x, x.mean((0, 1)), x.var((0, 1))), atol=2e-3)


def test_a_rule_of_ones_own_sees_the_layer_at_work():
    made, seen = layer(), []

    def rule(normalization):
        seen.append(normalization)
        np.testing.assert_array_equal(normalization.stored, STORED)
        np.testing.assert_allclose(normalization.moments(), [MEAN, VARIANCE], rtol=1e-5)
        return normalization.by(tf.zeros(3), 1.0), (MEAN + 1.0, VARIANCE + 1.0)

    outputs, written = run(made, rule)
    np.testing.assert_allclose(outputs, normalized(X, 0.0, 1.0), atol=2e-6)
    np.testing.assert_allclose(written, [MEAN + 1.0, VARIANCE + 1.0])
    assert seen[0].layer is made and seen[0].mask is None
    np.testing.assert_array_equal(seen[0].gamma, GAMMA)
    np.testing.assert_array_equal(seen[0].beta, BETA)


def test_statistics_that_a_pass_was_given_are_the_stored_ones():
    made = layer()
    mapping = [(made.moving_mean, tf.zeros(3)), (made.moving_variance, tf.ones(3))]
    with keras.StatelessScope(mapping), replaced(rules.replacements([made], rules.stored)):
        outputs = made(X)
    np.testing.assert_allclose(outputs, normalized(X, 0.0, 1.0), atol=2e-6)


def test_afterwards_a_layer_is_as_it_was():
    made = layer()
    before = made(X, training=False).numpy()
    run(made, rules.batch)
    np.testing.assert_array_equal(made(X, training=False), before)
    assert "call" not in vars(made)
