"""Pre-training on all classes together."""

import keras
import numpy as np
import pytest

from keras_meta import baselines, networks


def model():
    layers = keras.layers
    return keras.Sequential([keras.Input((2,)), layers.Dense(8, "relu"), layers.Dense(3)])


def test_the_body_is_trained_as_a_classifier_and_the_head_is_not():
    start = model()
    x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    names = np.where(x[:, 0] > 0, "right", "left")
    before = start.get_weights()
    fit = {"epochs": 2, "batch_size": 16, "shuffle": False, "verbose": 0}
    heads = []
    first = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: heads.append(first.model.layers[-1].get_weights())
    )
    trained = baselines.pretrain_classifier(start, x, names, "sgd", callbacks=[first], **fit)
    for a, b in zip(start.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)

    # The same by Keras alone: "left" is class 0, "right" class 1.
    body = keras.layers.Dense(8, "relu")
    classifier = keras.Sequential([keras.Input((2,)), body, keras.layers.Dense(2)])
    classifier.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    classifier.set_weights(before[:2] + heads[0])
    classifier.fit(x, (x[:, 0] > 0).astype(int), **fit)
    for found, expected in zip(trained.get_weights(), body.get_weights() + before[2:], strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["U", "S", object])
def test_texts_in_arrays_of_any_kind(kind):
    texts = ["play a song", "stop it"]
    trained = baselines.pretrain_classifier(
        networks.text_embedding(texts, 3, units=2), np.array(texts, kind), [0, 1], verbose=0
    )
    assert trained.output_shape == (None, 3)
