"""Convolution by matrix products equals the library's, with all derivatives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.exact import convolution
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


@pytest.mark.parametrize(
    "options",
    [
        {"groups": 2},
        {"dilation_rate": 2},
        {"data_format": "channels_first"},
    ],
)
def test_leaves_alone_what_it_cannot_do(options):
    model = keras.Sequential([keras.Input((6, 6, 6)), keras.layers.Conv2D(4, 3, **options)])
    assert convolution.convolutions(model) == []


def test_uses_the_stock_operation_for_large_images(monkeypatch):
    called = []
    convolve = convolution.convolve
    monkeypatch.setattr(
        convolution, "convolve", lambda *a: called.append(a[0].shape) or convolve(*a)
    )
    model = keras.Sequential([keras.Input((None, None, 8)), keras.layers.Conv2D(2, 3)])
    function = FunctionalModel(model)
    weights = function.initial_weights()
    for size in (8, 84):
        images = tf.random.normal((5, size, size, 8))
        np.testing.assert_allclose(
            function(images, weights).predictions, model(images), rtol=1e-4, atol=1e-4
        )
    assert called == [(5, 8, 8, 8)]
    assert "convolution_op" not in vars(model.layers[0])
