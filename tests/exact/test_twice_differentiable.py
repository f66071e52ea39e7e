"""Second derivatives of stock layers in plain nested tapes, against central differences."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import exact
from keras_meta.exact import twice_differentiable
from tests.exact import bilevel_problems

METHODS = [
    "bilinear",
    "nearest",
    "bicubic",
    "area",
    "lanczos3",
    "lanczos5",
    "gaussian",
    "mitchellcubic",
]


@pytest.mark.parametrize("name", bilevel_problems.ALL)
@pytest.mark.parametrize(
    "problem, graph",
    [("bilevel", True), ("hessian", False)],
    ids=["bilevel-graph", "hessian-eager"],
)
def test_right_inside(name, problem, graph, float64):
    model = bilevel_problems.build(name)
    assert bilevel_problems.error(model, problem, exact.second_derivatives, graph) < 1e-6


@pytest.mark.parametrize(
    "name",
    [
        "BatchNormalization",
        "BatchNormalization after Dense",
        "GroupNormalization",
        "LayerNormalization",
    ],
)
def test_right_inside_in_inference(name, float64):
    model = bilevel_problems.build(name)
    error = bilevel_problems.error(model, "bilevel", exact.second_derivatives, training=False)
    assert error < 1e-6


@pytest.mark.parametrize("name", bilevel_problems.WRONG)
def test_wrong_outside(name, float64):
    """If this fails, TensorFlow has mended what it derives wrongly."""
    assert bilevel_problems.error(bilevel_problems.build(name), "hessian") > 1e-4


@pytest.mark.parametrize("name", bilevel_problems.RAISES)
def test_raises_outside(name, float64):
    """If this fails, TensorFlow has registered the derivative that was missing."""
    with pytest.raises(LookupError, match="no entry for"):
        bilevel_problems.error(bilevel_problems.build(name), "hessian")


def test_a_function_keeps_what_it_was_traced_with(float64):
    loss = bilevel_problems.loss_of(bilevel_problems.build("LayerNormalization"))
    weights = [tf.identity(v.value) for v in bilevel_problems.build("LayerNormalization").variables]

    def second(weights):
        return bilevel_problems.gradient(lambda w: bilevel_problems.bilevel(loss, w), weights)

    stock, inside = tf.function(second), tf.function(second)
    outside = stock(weights)
    with exact.second_derivatives():
        expected = second(weights)
        inside(weights)
        unchanged = stock(weights)
    afterwards = inside(weights)
    for a, b in zip(expected, afterwards, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    for a, b in zip(outside, unchanged, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    assert any(np.max(np.abs(a - b)) > 1e-4 for a, b in zip(expected, outside, strict=True))


def test_what_was_replaced_comes_back():
    before = tf.nn.moments, tf.image.resize, tf.nn.softsign
    with exact.second_derivatives(), exact.second_derivatives():
        assert tf.nn.moments is not before[0]
    assert (tf.nn.moments, tf.image.resize, tf.nn.softsign) == before


def test_fit_in_two_tapes_inside(two_replicas, float64):
    """A training of one's own, with replicas of a strategy, is traced inside."""

    class PenalizedModel(keras.Sequential):
        def train_step(self, data):
            assert tf.nn.moments is not stock
            x, y = data
            with tf.GradientTape() as outer:
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    predictions = self(x, training=True)
                loss = tf.reduce_mean(tf.square(predictions - y))
                loss += tf.reduce_mean(tf.square(inner.gradient(predictions, x)))
            variables = self.trainable_variables
            self.optimizer.apply_gradients(
                zip(outer.gradient(loss, variables), variables, strict=True)
            )
            return {"penalized_loss": loss[None]}

    stock = tf.nn.moments
    with two_replicas.scope():
        model = PenalizedModel(
            [
                keras.Input((3,)),
                keras.layers.Dense(4, "tanh"),
                keras.layers.LayerNormalization(),
                keras.layers.Dense(1),
            ]
        )
        model.compile("sgd")
    generator = np.random.default_rng(0)
    data = generator.normal(size=(8, 3)), generator.normal(size=(8, 1))
    with exact.second_derivatives():
        history = model.fit(*data, batch_size=4, epochs=2, verbose=0).history
    assert history["penalized_loss"][-1] < history["penalized_loss"][0]


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_resizes_as_the_stock_operation(method, antialias):
    images = tf.random.normal((2, 5, 7, 3))
    for size in ([10, 14], [3, 4], [5, 2], [1, 21]):
        expected = tf.image.resize(images, size, method, antialias=antialias)
        for actual in (
            twice_differentiable.resize(images, size, method, antialias=antialias),
            twice_differentiable.resize(images[0], size, method, antialias=antialias)[None],
        ):
            np.testing.assert_allclose(actual, expected[: len(actual)], rtol=1e-4, atol=1e-5)


def test_resizing_keeps_types_and_unknown_sizes():
    images = tf.random.normal((1, 5, 7, 3))
    for dtype in ("uint8", "float16", "float32"):
        for method in ("nearest", "bilinear"):
            x = tf.cast(images, dtype)
            expected = tf.image.resize(x, (3, 3), method)
            assert twice_differentiable.resize(x, (3, 3), method).dtype == expected.dtype
    resize = tf.function(
        lambda x: twice_differentiable.resize(x, (3, 4)),
        input_signature=[tf.TensorSpec((None, None, None, 3))],
    )
    np.testing.assert_allclose(
        resize(images), tf.image.resize(images, (3, 4)), rtol=1e-5, atol=1e-6
    )
    assert resize.get_concrete_function().structured_outputs.shape == (None, 3, 4, 3)


def test_softsign_has_the_value_of_the_stock_operation():
    x = tf.constant([-3.0, 0.0, 0.5, 100.0])
    np.testing.assert_allclose(twice_differentiable.softsign(x), tf.nn.softsign(x), rtol=1e-6)
