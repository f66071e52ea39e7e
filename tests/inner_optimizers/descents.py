"""A few steps by an inner optimizer, beside those of another rule."""

import keras
import numpy as np
import tensorflow as tf

START = [np.array([1.0, -2.0, 0.5], "float32"), np.array([[0.3]], "float32")]


def gradients(weights):
    """Gradients of two weights, which may be tensors or arrays."""
    return [np.sin(3.0 * np.asarray(weights[0])) + np.asarray(weights[0]), 2.0 * weights[1]]


def prepared(inner, weights=START, layers=None, steps=4):
    """An inner optimizer of these weights, each a layer of its own."""
    variables = [keras.Variable(weight) for weight in weights]
    inner.prepare(variables, layers or list(range(len(weights))), steps)
    return inner


def descend(inner, steps=4, start=START):
    """Returns the weights after each step, a list of lists of arrays."""
    if not inner.built:
        prepared(inner, start, steps=steps)
    weights = [tf.constant(x) for x in start]
    slots, path = inner.init(weights), []
    for step in range(steps):
        given = [tf.constant(g, w.dtype) for g, w in zip(gradients(weights), weights, strict=True)]
        weights, slots = inner.update(weights, given, slots, step, inner.read())
        path.append([w.numpy() for w in weights])
    return path


def assert_equals_keras(inner, outer, steps=4):
    """Each step is that of the optimizer of Keras."""
    variables = [keras.Variable(x) for x in START]
    for weights in descend(inner, steps):
        given = gradients([v.numpy() for v in variables])
        outer.apply([tf.constant(g, "float32") for g in given], variables)
        for a, b in zip(weights, variables, strict=True):
            np.testing.assert_allclose(a, b, atol=2e-6)


def assert_configuration_survives(inner):
    """A copy made of the configuration, before and after it has variables, is the same."""
    for _ in range(2):
        copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(inner))
        assert type(copy) is type(inner) and copy.get_config() == inner.get_config()
        if not inner.built:
            prepared(inner)
