"""The mean over the words of a text."""

import keras
import numpy as np
import tensorflow as tf

from keras_meta.layers import MaskedMean

X = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
MASK = np.array([[1, 1, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]], bool)


def test_equals_its_definition():
    expected = np.stack([X[0, :3].mean(0), X[1, 1], np.zeros(2)])
    np.testing.assert_allclose(MaskedMean()(X, mask=MASK), expected, atol=1e-6)
    np.testing.assert_allclose(MaskedMean()(X), X.mean(1), atol=1e-6)


def test_it_takes_the_mask_of_an_embedding_and_gives_none():
    words = keras.layers.Embedding(9, 2, mask_zero=True)
    model = keras.Sequential([keras.Input((None,)), words, MaskedMean(), keras.layers.Dense(2)])
    table = words.get_weights()[0]
    found = keras.Sequential(model.layers[:2])(np.array([[3, 5, 0], [0, 0, 0]]))
    np.testing.assert_allclose(found, [(table[3] + table[5]) / 2, [0.0, 0.0]], atol=1e-6)
    assert model.output_shape == (None, 2)


def test_derivatives_of_an_empty_sequence_are_zero():
    x = tf.constant(X)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.reduce_sum(MaskedMean()(x, mask=tf.constant(MASK)) ** 2)
        gradient = inner.gradient(y, x)
    second = outer.gradient(gradient, x)
    assert np.isfinite(gradient).all() and np.isfinite(second).all()
    assert not np.any(gradient[2]) and np.any(gradient[0])


def test_half_precision_counts_long_texts():
    x = np.ones((1, 5000, 1), "float16")
    found = MaskedMean(dtype="float16")(x, mask=np.ones((1, 5000), bool))
    np.testing.assert_allclose(found, [[1.0]], rtol=1e-2)
