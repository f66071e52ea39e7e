"""The learners that every contract is tested on: all of the registry, and some of strangers."""

import functools
import importlib.util

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import registry
from keras_meta.episodes import EpisodeSampler
from keras_meta.exact.layers import sublayers
from tests.quick import quick_first

# By name, what makes a learner of tasks of 3 ways from a model with 3 outputs.
LEARNERS = {row.label: row.build_trial for row in registry.of_kind("learner")}
if importlib.util.find_spec("tests.strangers"):
    LEARNERS.update(importlib.import_module("tests.strangers").LEARNERS)
# What takes long, or is done by code that several learners share: over some learners at once, over
# the others with the slow tests.
ONE_OF_A_KIND = ("maml", "prototypes")


def first(names):
    """Parametrises a test by all learners, of which these are not slow."""
    return pytest.mark.parametrize("name", quick_first(LEARNERS, names))


def conv_model(dropout=0.2):
    """Everything at once: convolution, normalisation, dropout, a regularizer."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            # No bias: behind it, normalisation makes its gradient rounding noise.
            layers.Conv2D(4, 3, 2, use_bias=False, kernel_regularizer=keras.regularizers.L2(1e-3)),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(dropout, seed=1),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )


def small_model(dropout=0.2):
    """The same without convolution, to trace in less time."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Flatten(),
            layers.Dense(4, use_bias=False, kernel_regularizer=keras.regularizers.L2(1e-3)),
            layers.BatchNormalization(),
            layers.Activation("tanh"),
            *([layers.Dropout(dropout, seed=1)] if dropout else []),
            layers.Dense(3),
        ]
    )


def dense_model():
    """A model whose tasks are vectorised, and that learns fast."""
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(6, "tanh"), layers.Dense(3)]
    )


def cross_entropy():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def compiled(name, model=None, optimizer=None, jit_compile=False, **kwargs):
    """A learner of the table; `kwargs` are its own."""
    learner = LEARNERS[name](conv_model() if model is None else model, **kwargs)
    optimizer = keras.optimizers.Adam(1e-2) if optimizer is None else optimizer
    for model in [learner, *sublayers(learner)] if jit_compile else []:
        model.supports_jit = True  # of the members of an ensemble too
    learner.compile(optimizer, loss=cross_entropy(), metrics=["accuracy"], jit_compile=jit_compile)
    return learner


@functools.cache
def sampler(shots=1, queries=2):
    x = np.random.default_rng(0).integers(0, 255, (60, 8, 8, 1), "uint8")
    return EpisodeSampler(
        x, np.repeat(np.arange(6), 10), num_ways=3, num_shots=shots, num_queries=queries, seed=0
    )


@functools.cache
def _batch(tasks, shots, queries):
    return next(iter(sampler(shots, queries).as_dataset(tasks)))


def batch(tasks=4, shots=1, queries=2):
    """The first batch of the sampler, `(inputs, query_y)`."""
    inputs, query_y = _batch(tasks, shots, queries)
    return dict(inputs), query_y


def uneven_batch():
    """Two tasks of different sizes, alone and padded to one batch.

    Returns:
        Tuple `([(inputs, query_y), ...], (inputs, query_y))`.
    """
    tasks = [batch(1, shots=shots, queries=queries) for shots, queries in ((1, 3), (2, 2))]
    inputs = {key: _padded([task[key] for task, _ in tasks]) for key in tasks[0][0]}
    for key, labels in (
        ("support_mask", [task["support_y"] for task, _ in tasks]),
        ("query_mask", [y for _, y in tasks]),
    ):
        inputs[key] = _padded([tf.ones_like(y, tf.bool) for y in labels])
    return tasks, (inputs, _padded([y for _, y in tasks]))


def _padded(tensors):
    """Tensors `[1, n, ...]` of different `n`, on top of each other."""
    length = max(x.shape[1] for x in tensors)
    return tf.concat(
        [
            tf.pad(x, [[0, 0], [0, length - x.shape[1]], *[[0, 0]] * (x.shape.rank - 2)])
            for x in tensors
        ],
        0,
    )


def numbers(tensors):
    """A list of tensors or variables as arrays."""
    return [keras.ops.convert_to_numpy(x) for x in tensors]


def check_equal_weights(one, other, **tolerance):
    """Compares lists of tensors, variables or arrays; to the last bit without a tolerance."""
    for a, b in zip(numbers(one), numbers(other), strict=True):
        if tolerance:
            np.testing.assert_allclose(a, b, **tolerance)
        else:
            np.testing.assert_array_equal(a, b)
