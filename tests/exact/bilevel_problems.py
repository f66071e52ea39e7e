"""A plain bilevel problem, and what its nested tapes are measured by."""

import contextlib

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from keras_meta import exact
from tests.finite_differences import directional, dot, random_direction

VECTOR, IMAGE = (5,), (5, 5, 2)


def conv():
    return layers.Conv2D(3, 3, activation="tanh")


# What TensorFlow derives wrongly twice, or not at all, and how: name to shape and layers.
WRONG = {
    "BatchNormalization": (IMAGE, lambda: [conv(), layers.BatchNormalization()]),
    "BatchNormalization after Dense": (
        VECTOR,
        lambda: [layers.Dense(4), layers.BatchNormalization(), layers.Dense(4, "tanh")],
    ),
    "GroupNormalization": (
        IMAGE,
        lambda: [layers.Conv2D(4, 3), layers.GroupNormalization(2), layers.Activation("tanh")],
    ),
    "instance normalization": (
        IMAGE,
        lambda: [layers.Conv2D(4, 3), layers.GroupNormalization(-1), layers.Activation("tanh")],
    ),
    "LayerNormalization": (
        VECTOR,
        lambda: [
            layers.Dense(5),
            layers.LayerNormalization(),
            layers.Dense(5, "tanh"),
            layers.LayerNormalization(),
        ],
    ),
    "UpSampling2D bilinear": (
        IMAGE,
        lambda: [conv(), layers.UpSampling2D(2, interpolation="bilinear"), conv()],
    ),
    "Resizing bilinear": (
        IMAGE,
        lambda: [conv(), layers.Resizing(4, 2, interpolation="bilinear"), conv_of_1()],
    ),
}
RAISES = {
    "UpSampling2D bicubic": (
        IMAGE,
        lambda: [conv(), layers.UpSampling2D(2, interpolation="bicubic"), conv()],
    ),
    "Resizing nearest": (
        IMAGE,
        lambda: [conv(), layers.Resizing(4, 2, interpolation="nearest"), conv_of_1()],
    ),
    "softsign": (VECTOR, lambda: [layers.Dense(4, "softsign")]),
}
RIGHT = {
    "Dense": (VECTOR, lambda: [layers.Dense(4, "gelu")]),
    "Conv2D": (IMAGE, lambda: [conv()]),
    "UpSampling2D nearest": (IMAGE, lambda: [conv(), layers.UpSampling2D(2), conv()]),
    "RMSNormalization": (VECTOR, lambda: [layers.Dense(4), layers.RMSNormalization()]),
    "resizing before the weights": (IMAGE, lambda: [layers.Resizing(6, 6), conv()]),
}
ALL = {**WRONG, **RAISES, **RIGHT}


def conv_of_1():
    return layers.Conv2D(2, 1, activation="tanh")


def build(name):
    """Returns the model of a case, which ends with three outputs."""
    shape, middle = ALL[name]
    end = [layers.Flatten(), layers.Dense(3)]
    return keras.Sequential([keras.Input(shape), *middle(), *end])


def loss_of(model, training=True):
    """Returns a loss of the weights: a function of a list of tensors."""
    generator = np.random.default_rng(0)
    x = tf.constant(generator.normal(size=(4, *model.input_shape[1:])))
    y = tf.constant(generator.normal(size=(4, 3)))
    state = [v.value for v in model.non_trainable_variables]

    def loss(weights):
        outputs, _ = model.stateless_call(weights, state, x, training=training)
        return tf.reduce_mean(tf.square(outputs - y))

    return loss


def gradient(loss, weights):
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(weights)
        value = loss(weights)
    return tape.gradient(value, weights)


def bilevel(loss, weights):
    """The loss after one step of gradient descent on it."""
    step = gradient(loss, weights)
    return loss([w - 0.3 * g for w, g in zip(weights, step, strict=True)])


def slope(loss, weights, direction):
    """The derivative of the loss along a direction, whose gradient is `H d`."""
    return sum(
        tf.reduce_sum(g * d) for g, d in zip(gradient(loss, weights), direction, strict=True)
    )


def error(model, problem, context=contextlib.nullcontext, graph=False, training=True):
    """How far the derivative of a problem along a direction is from central differences.

    Args:
        model: A built model in float64.
        problem: `"bilevel"`, or `"hessian"` for a Hessian-vector product.
        context: What to enter around the tapes.
        graph: bool. Whether to run in a `tf.function`, traced in the context.
        training: bool. How the model is called.

    Returns:
        float, relative.
    """
    loss, variables = loss_of(model, training), model.trainable_variables
    directions = [random_direction(variables, seed) for seed in (0, 1)]

    def value(weights):
        if problem == "bilevel":
            return bilevel(loss, weights)
        return slope(loss, weights, directions[1])

    def weights():
        return [tf.identity(v.value) for v in variables]

    run = tf.function(gradient, autograph=False) if graph else gradient
    with context():
        actual = dot(run(value, weights()), directions[0])
    # The value takes first derivatives alone, which are right without any context; but outside,
    # resizing rounds to float32.
    with exact.second_derivatives():
        expected = directional(lambda: value(weights()), variables, directions[0])
    return abs(actual - expected) / abs(expected)
