"""A function of two normalisation layers, to whose statistics policies are put."""

import keras
import numpy as np

from keras_meta.inner_loop.functional import FunctionalModel

X = np.array([[1.0, 4.0], [2.0, 6.0], [6.0, 5.0]], "float32")
QUERIES = np.array([[3.0, 5.0], [5.0, 9.0]], "float32")
EPSILON = 1e-3
STORED = [np.array(x, "float32") for x in ([1.0, 2.0], [4.0, 9.0], [-1.0, 0.5], [1.0, 2.0])]


def functional(momentum=0.9):
    """Of a model whose layers are normalisations alone, with these statistics stored."""
    layers = [
        keras.layers.BatchNormalization(momentum=momentum, epsilon=EPSILON, name=name)
        for name in ("first", "second")
    ]
    function = FunctionalModel(keras.Sequential([keras.Input((2,)), *layers]))
    for variable, value in zip(function.state_variables, STORED, strict=True):
        variable.assign(value)
    return function


def run(function, x, rule, state=None):
    return function(x, function.initial_weights(), state, rule=rule)


def moments(x):
    """What two layers see that normalise by the examples at hand."""
    between = (x - x.mean(0)) / np.sqrt(x.var(0) + EPSILON)
    return [x.mean(0), x.var(0), between.mean(0), between.var(0)]


def predictions(x, statistics):
    """What they give by these statistics."""
    for mean, variance in (statistics[:2], statistics[2:]):
        x = (x - mean) / np.sqrt(variance + EPSILON)
    return x


def assert_statistics(found, expected):
    assert sorted(found) == [0, 1, 2, 3]
    for index, value in enumerate(expected):
        np.testing.assert_allclose(found[index], value, rtol=1e-5, atol=1e-6)


def stored(function):
    return [variable.numpy() for variable in function.state_variables]


def forbidden():
    raise AssertionError("no pass over the support set is needed")
