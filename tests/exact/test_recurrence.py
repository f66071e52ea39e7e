"""Recurrent layers compute without a loop what they compute with one, with all derivatives."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_meta.exact import private, recurrence
from keras_meta.exact.replacement import replaced
from keras_meta.inner_loop.functional import FunctionalModel

pytestmark = pytest.mark.usefixtures("float64")

LENGTH, SIZE = 5, 3
LAYERS = {
    "lstm": lambda: layers.LSTM(2),
    "sequences": lambda: layers.GRU(2, return_sequences=True),
    "backwards": lambda: layers.SimpleRNN(2, go_backwards=True),
    "both": lambda: layers.Bidirectional(layers.LSTM(2)),
    "cells": lambda: layers.RNN([layers.LSTMCell(2), layers.GRUCell(2)]),
    "images": lambda: keras.Sequential(
        [layers.Reshape((LENGTH, SIZE, 1)), layers.ConvLSTM1D(2, 2)]
    ),
    "dropout": lambda: layers.GRU(2, dropout=0.3, recurrent_dropout=0.3, seed=1),
}


def functional(name, length=LENGTH):
    x = keras.Input((length, SIZE))
    # Convolutions over images take no mask.
    y = LAYERS[name]()(x if name == "images" else layers.Masking()(x))
    return FunctionalModel(keras.Model(x, y))


def padded():
    values = np.random.default_rng(0).normal(size=(4, LENGTH, SIZE))
    values[1, 3:] = 0.0
    return tf.constant(values)


def derivatives(function, x):
    """Predictions, gradient, and the gradient of a function of the gradient."""
    weights = function.initial_weights()
    with tf.GradientTape() as outer, tf.GradientTape() as inner:
        outer.watch(weights)
        inner.watch(weights)
        y = function(x, weights, training=True, seed=tf.constant([1, 2])).predictions
        first = inner.gradient(tf.reduce_sum(tf.sin(y)), weights)
        slope = sum(tf.reduce_sum(tf.sin(g)) for g in first)
    return [y, *first, *outer.gradient(slope, weights)]


@pytest.mark.parametrize("name", LAYERS)
def test_equals_the_loop_to_second_order(name, monkeypatch):
    function = functional(name)
    found = derivatives(function, padded())
    monkeypatch.setattr(recurrence, "_LONGEST", 0)
    for one, other in zip(found, derivatives(function, padded()), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("length, loops", [(LENGTH, False), (40, True), (None, True)])
def test_only_short_sequences_of_known_length_are_traced_step_by_step(length, loops):
    function = functional("lstm", length)

    @tf.function
    def compute(x):
        return function(x, function.initial_weights()).predictions

    graph = compute.get_concrete_function(tf.TensorSpec((2, length, SIZE), tf.float64)).graph
    assert any("While" in op.type for op in graph.get_operations()) == loops
    (layer,) = function.recurrences
    assert not layer.unroll  # the model is as before


def test_layers_look_up_the_loop_on_themselves():
    layer = layers.LSTM(2)
    layer.build((None, LENGTH, SIZE))
    called = []

    def inner_loop(sequences, *args, **kwargs):
        called.append(sequences.shape)
        return type(layer).inner_loop(layer, sequences, *args, **kwargs)

    with replaced([(layer, private.INNER_LOOP, inner_loop)]):
        layer(padded())
    assert called == [(4, LENGTH, SIZE)]
