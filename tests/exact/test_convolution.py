"""Convolution by matrix products equals the library's, with all derivatives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.exact import convolution, private
from keras_meta.inner_loop.functional import FunctionalModel

CASES = [
    # images, kernel, strides, padding
    ((5, 8, 8, 3), (3, 3, 3, 4), (2, 2), "same"),
    ((5, 7, 7, 3), (3, 3, 3, 4), (2, 2), "same"),
    ((2, 7, 9, 1), (3, 5, 1, 2), (1, 3), "same"),
    ((2, 7, 9, 2), (3, 2, 2, 2), (1, 1), "same"),
    ((2, 7, 9, 2), (3, 2, 2, 2), (2, 2), "valid"),
    ((1, 2, 2, 2), (3, 3, 2, 2), (2, 2), "same"),
    ((3, 4, 4, 2), (1, 1, 2, 5), (2, 2), "same"),
]


def third_order(function, images, kernel, cotangents):
    """The value, and directional derivatives of first, second and third order."""
    results = []
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([images, kernel])
        value = function(images, kernel)
        results.append(value)
        scalar = tf.reduce_sum(tf.sin(value) * cotangents[0])
        for _ in range(3):
            gradients = tape.gradient(scalar, [images, kernel])
            results += gradients
            scalar = sum(
                tf.reduce_sum(tf.sin(g) * c) for g, c in zip(gradients, cotangents[1:], strict=True)
            )
    return results


@pytest.mark.parametrize("images_shape, kernel_shape, strides, padding", CASES)
def test_equals_the_library_to_third_order(images_shape, kernel_shape, strides, padding):
    random = np.random.default_rng(0)
    images, kernel = (tf.constant(random.normal(size=s)) for s in (images_shape, kernel_shape))
    expected_shape = tf.nn.conv2d(images, kernel, strides, padding.upper()).shape
    cotangents = [
        tf.constant(random.normal(size=s)) for s in (expected_shape, images_shape, kernel_shape)
    ]
    results = [
        third_order(function, images, kernel, cotangents)
        for function in (
            lambda x, w: convolution.convolve(x, w, strides, padding),
            lambda x, w: tf.nn.conv2d(x, w, strides, padding.upper()),
        )
    ]
    for ours, library in zip(*results, strict=True):
        np.testing.assert_allclose(ours, library, rtol=1e-9, atol=1e-9)


@pytest.fixture
def convolved(monkeypatch):
    """The shapes of the images that were convolved by matrix products."""
    found, convolve = [], convolution.convolve
    monkeypatch.setattr(
        convolution, "convolve", lambda *a: found.append(tuple(a[0].shape)) or convolve(*a)
    )
    return found


@pytest.mark.parametrize("padding", ["same", "valid", "causal"])
@pytest.mark.parametrize("strides", [1, 2])
def test_sequences_are_images_of_one_row(padding, strides, convolved):
    layer = keras.layers.Conv1D(4, 3, strides, padding, activation="tanh")
    model = keras.Sequential([keras.Input((9, 2)), layer])
    sequences = tf.random.normal((5, 9, 2))
    function = FunctionalModel(model)
    found = function(sequences, function.initial_weights()).predictions
    np.testing.assert_allclose(found, model(sequences), rtol=1e-5, atol=1e-6)
    assert convolved == [(5, 1, 11 if padding == "causal" else 9, 2)]


@pytest.mark.parametrize(
    "images, options",
    [
        (tf.zeros((2, 6, 6, 6)), {}),  # in groups
        (tf.zeros((2, 6, 6, 3)), {"dilation_rate": (2, 2)}),
        (tf.zeros((2, 3, 6, 6)), {"data_format": "channels_first"}),
        (tf.zeros((2, 6, 6, 3), "bfloat16"), {}),
        (tf.zeros((2, 6, 6, 6, 3)), {}),
    ],
)
def test_leaves_alone_what_it_cannot_do(images, options, monkeypatch):
    monkeypatch.setattr(private, "stock_convolution", lambda *args: args)
    kernel = tf.zeros((*(2,) * (images.shape.rank - 2), 3, 4), images.dtype)
    left = convolution.conv(images, kernel, 1, "valid", **options)
    assert left[0] is images and left[1] is kernel


def test_uses_the_stock_operation_for_large_images(convolved):
    model = keras.Sequential([keras.Input((None, None, 8)), keras.layers.Conv2D(2, 3)])
    function = FunctionalModel(model)
    weights = function.initial_weights()
    for size in (8, 84):
        images = tf.random.normal((5, size, size, 8))
        np.testing.assert_allclose(
            function(images, weights).predictions, model(images), rtol=1e-4, atol=1e-4
        )
    assert convolved == [(5, 8, 8, 8)]
