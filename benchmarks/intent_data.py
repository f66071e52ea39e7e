"""Intents of CLINC150 by domain, and networks that embed sentences."""

import json
import pathlib
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_meta import episodes, networks
from keras_meta.layers import MaskedMean, Positions

DOMAINS = {"train": slice(0, 6), "validation": slice(6, 8), "test": slice(8, 10)}
LENGTH, WORDS, WIDTH = 20, 5000, 64


class Intents(NamedTuple):
    """Sentences of some domains.

    Attributes:
        texts: Array `[sentences]` of strings.
        intents: Array `[sentences]` of names.
        out_of_scope: Array of sentences that have no intent in any domain; empty for training.
    """

    texts: np.ndarray
    intents: np.ndarray
    out_of_scope: np.ndarray


def load(folder):
    """Reads a folder with data_full.json and domains.json: dict, split to `Intents`."""
    folder = pathlib.Path(folder)
    domains = json.loads((folder / "domains.json").read_text())
    data = json.loads((folder / "data_full.json").read_text())
    pairs = [pair for part in ("train", "val", "test") for pair in data[part]]
    texts, intents = (np.array(column, object) for column in zip(*pairs, strict=True))
    without = {
        "train": [],
        "validation": data["oos_train"] + data["oos_val"],
        "test": data["oos_test"],
    }
    found = {}
    for split, part in DOMAINS.items():
        names = sum((domains[domain] for domain in sorted(domains)[part]), [])
        chosen = np.isin(intents.astype(str), names)
        outside = np.array([text for text, _ in without[split]], object)
        found[split] = Intents(texts[chosen], intents[chosen], outside)
    return found


def tasks(data, ways, shots, batch, number=None, queries=5, seed=0, names=False):
    """Returns a dataset of episodes of sentences.

    Args:
        data: `Intents`.
        ways: int.
        shots: int.
        batch: int. Number of tasks in a batch.
        number: int. Number of tasks, or `None` for tasks without end.
        queries: int. Queries of a class.
        seed: int.
        names: bool. Whether the name of each intent is a further support example of it.
    """
    x = data.texts
    if names:
        spelled = [name.replace("_", " ") for name in data.intents]
        x = np.stack([x, np.array(spelled, object)], 1)
    sampler = episodes.EpisodeSampler(x, data.intents, ways, shots, queries, seed=seed)
    found = sampler.as_dataset(batch, num_batches=number and number // batch)
    return found.map(_with_names(ways, shots)) if names else found


def _with_names(ways, shots):
    def add(inputs, y):
        x, labels = inputs["support_x"], inputs["support_y"]
        # One example of each class.
        first = tf.argsort(labels, axis=1, stable=True)[:, ::shots]
        first.set_shape([None, ways])
        names = tf.gather(x[..., 1], first, batch_dims=1)
        named = tf.gather(labels, first, batch_dims=1)
        return {
            "support_x": tf.concat([x[..., 0], names], 1),
            "support_y": tf.concat([labels, named], 1),
            "query_x": inputs["query_x"][..., 0],
        }, y

    return add


def words_and_ngrams(texts, seed=0):
    return networks.text_embedding(texts, seed=seed)


def words(texts, seed=0):
    return networks.text_embedding(texts, max_ngrams=0, seed=seed)


def convolution(texts, seed=0):
    """The maximum over time of convolutions over 2 and 3 words."""
    strings, x = _words(texts, seed)
    parts = [
        keras.layers.GlobalMaxPooling1D()(
            keras.layers.Conv1D(2 * WIDTH, size, padding="same", activation="relu")(x)
        )
        for size in (2, 3)
    ]
    return keras.Model(strings, keras.layers.Concatenate()(parts))


def lstm(texts, seed=0):
    strings, x = _words(texts, seed)
    return keras.Model(strings, keras.layers.Bidirectional(keras.layers.LSTM(WIDTH))(x))


def transformer(texts, seed=0):
    """Two blocks. Padding neither is attended to nor counts in the mean."""
    layers = keras.layers
    strings, x = _words(texts, seed)
    x = Positions(LENGTH)(x)
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(4, WIDTH // 4)(y, y)])
        y = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.Dense(WIDTH)(layers.Dense(2 * WIDTH, "gelu")(y))])
    return keras.Model(strings, MaskedMean()(layers.LayerNormalization()(x)))


def _words(texts, seed):
    """Returns an input of strings, and the embeddings of its words."""
    keras.utils.set_random_seed(seed)
    strings = keras.Input((), dtype="string")
    numbers = keras.layers.TextVectorization(WORDS, output_sequence_length=LENGTH)
    numbers.adapt(tf.constant(texts))
    embedding = keras.layers.Embedding(WORDS, WIDTH, mask_zero=True)
    return strings, embedding(numbers(strings))


BODIES = {
    "words and n-grams": words_and_ngrams,
    "words": words,
    "convolution": convolution,
    "LSTM": lstm,
    "transformer": transformer,
}


def tf_idf(texts):
    """The n-grams of a sentence, weighted by how rare they are: nothing is learned."""
    model = networks.text_embedding(texts, units=1)
    parts = [layer for layer in model.layers if isinstance(layer, keras.layers.UnitNormalization)]
    return keras.Model(model.inputs, parts[-1].output)
