"""Words and n-grams of characters, embedded."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import networks

TEXTS = ["play a song", "play some jazz", "Stop the song!", "stop it"]


def unit(vector):
    return vector / np.linalg.norm(vector)


def test_its_parts_are_means_and_counts_of_length_one():
    model = networks.text_embedding(TEXTS, units=3)
    words = model.get_layer("words_lookup")
    size, ngrams = words.vocabulary_size(), model.get_layer("ngrams_lookup").vocabulary_size()
    assert size == 1 + 2048 + 8
    table, rarity = (
        next(w.numpy() for w in model.weights if w.shape == shape) for shape in ((size, 3), (size,))
    )
    found = model.predict(tf.constant(["Song? STOP it, song please", ""]), verbose=0)
    assert found.shape == (2, 3 + size + 3 + ngrams)
    numbers = words(tf.constant(["song", "stop", "it", "song", "please"])).numpy()
    assert (numbers[:4] > 2048).all() and 1 <= numbers[4] <= 2048  # the last one is unknown
    np.testing.assert_allclose(found[0, :3], unit(table[numbers].mean(0)), atol=1e-6)
    counts = rarity * np.bincount(numbers, minlength=size)
    np.testing.assert_allclose(found[0, 3 : 3 + size], unit(counts), atol=1e-6)
    for part in (found[0, 3 + size : 6 + size], found[0, 6 + size :]):
        np.testing.assert_allclose(np.linalg.norm(part), 1, atol=1e-6)
    assert not found[1].any()


def test_a_text_without_words_has_derivatives():
    model = networks.text_embedding(TEXTS, units=3)
    x = tf.constant(["", "play"])
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            value = tf.reduce_sum(model(x) ** 3)
        first = tf.add_n(
            [
                tf.reduce_sum(tf.convert_to_tensor(g) ** 2)
                for g in inner.gradient(value, model.trainable_variables)
            ]
        )
    second = outer.gradient(first, model.trainable_variables)
    assert np.isfinite(first)
    assert all(np.isfinite(tf.convert_to_tensor(g)).all() for g in second)


def test_rare_tokens_are_longer_and_count_more():
    model = networks.text_embedding(TEXTS, units=200, max_ngrams=0)
    numbers = model.get_layer("words_lookup")(tf.constant(["play", "jazz", "unseen"]))
    table, weights = model.get_weights()
    lengths = np.linalg.norm(table[numbers], axis=1)
    # Of 4 texts, counted as 5, "play" is in 2 and "jazz" in 1; an unknown word counts as in 1.
    expected = np.sqrt(np.log([5 / 2, 5, 5]))
    np.testing.assert_allclose(lengths / lengths[1], expected / expected[1], rtol=0.15)
    np.testing.assert_allclose(weights[numbers], expected, rtol=1e-6)


def test_unknown_words_differ():
    model = networks.text_embedding(TEXTS)
    first, second = model.predict(tf.constant(["reykjavik", "ouagadougou"]), verbose=0)
    assert not np.allclose(first[:256], second[:256])


def test_frequent_words_come_first_and_others_are_left_out():
    model = networks.text_embedding(TEXTS, max_words=3, max_ngrams=0)
    vocabulary = model.get_layer("words_lookup").get_vocabulary(include_special_tokens=False)
    assert vocabulary == ["play", "song", "stop"]
    assert model.count_params() == (1 + 2048 + 3) * (256 + 1)


def test_a_classifier_and_its_seed():
    first, second, other = (networks.text_embedding(TEXTS, 5, seed=k) for k in (1, 1, 2))
    assert first.output_shape == (None, 5)
    x = tf.constant(TEXTS)
    np.testing.assert_array_equal(first.predict(x, verbose=0), second.predict(x, verbose=0))
    assert np.any(first.predict(x, verbose=0) != other.predict(x, verbose=0))


@pytest.mark.parametrize(
    "texts", [TEXTS, np.array(TEXTS), np.array(TEXTS, "S"), tf.constant(TEXTS)]
)
def test_texts_of_any_kind(texts):
    layer = networks.text_embedding(texts).get_layer("words_lookup")
    assert layer.vocabulary_size() == 1 + 2048 + 8


def test_the_vocabulary_is_saved(tmp_path):
    texts = [*TEXTS, "十二 zwölf"]
    model = networks.text_embedding(texts)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = tf.constant(texts)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("texts", [[""], ["?", "..."]])
def test_texts_without_words(texts):
    with pytest.raises(ValueError, match=f"must contain words.*Received: {len(texts)} texts"):
        networks.text_embedding(texts)
