"""Task embeddings for the tests of this package, and hypernetworks that are not at their start."""

import keras
import numpy as np
import tensorflow as tf

from keras_meta.generators.task_encoder import TaskEmbedding

EMBEDDING, SIZE = 4, 5  # lengths of an embedded example and of a task embedding


def task_embedding(outputs=3, present=None, seed=0):
    rows = np.random.default_rng(seed).normal(size=(outputs, SIZE)).astype("float32")
    present = [True] * outputs if present is None else present
    return TaskEmbedding(tf.reduce_mean(rows, 0), tf.constant(rows), tf.constant(present))


def prepared(generated):
    generated.prepare(EMBEDDING, SIZE, keras.DTypePolicy("float32"))
    return generated


def randomised(generated):
    """Replaces weights that start at zero by random ones, as training would."""
    generator = np.random.default_rng(1)
    for variable in generated.trainable_variables:
        variable.assign(0.5 * generator.normal(size=variable.shape))
    return generated


def skip_network(layer, x):
    """A `SkipNetwork` in NumPy: `A x + B relu(C x + c) + b`."""
    parts = layer.hidden, layer.nonlinear, layer.linear
    hidden, nonlinear, linear = ([w.numpy() for w in part.weights] for part in parts)
    hidden = np.maximum(x @ hidden[0] + hidden[1], 0.0)
    return x @ linear[0] + hidden @ nonlinear[0] + nonlinear[1]
