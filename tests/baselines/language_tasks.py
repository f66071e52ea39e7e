"""Tasks and a small trained model of text, for the tests of baselines."""

import keras
import numpy as np
import tensorflow as tf

from keras_meta import episodes

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
TASKS = episodes.SyntheticLanguages(num_shots=4, num_queries=3, length=20)


def data(tasks=2):
    return TASKS.as_dataset(tasks, num_batches=1)


def recurrent(seed=0):
    """An untrained recurrent model: what it sees reaches far."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    size = TASKS.codec.size
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(size, 6, embeddings_initializer=keras.initializers.RandomNormal(0, 1)),
            layers.SimpleRNN(8, return_sequences=True),
            layers.Dense(size),
        ]
    )


def bits(labels, logits):
    nats = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return np.mean(nats) / np.log(2)
