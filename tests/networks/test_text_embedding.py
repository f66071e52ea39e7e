"""Words and n-grams of characters, embedded."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import networks

TEXTS = ["play a song", "play some jazz", "Stop the song!", "stop it"]


def unit(vector):
    return vector / np.linalg.norm(vector)


def test_each_part_is_the_mean_of_its_tokens_of_length_one():
    model = networks.text_embedding(TEXTS, units=3)
    lookups = [model.get_layer(f"{kind}_lookup") for kind in ("words", "ngrams")]
    words, ngrams = model.get_weights()
    assert len(words) == 1 + 2048 + 8 and lookups[0].vocabulary_size() == len(words)
    found = model.predict(tf.constant(["Song? STOP it, please", ""]), verbose=0)
    numbers = lookups[0](tf.constant(["song", "stop", "it", "please"])).numpy()
    assert (numbers[:3] > 2048).all() and 1 <= numbers[3] <= 2048  # the last one is unknown
    np.testing.assert_allclose(found[0, :3], unit(words[numbers].mean(0)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found[0, 3:]), 1, atol=1e-6)
    np.testing.assert_array_equal(found[1], np.zeros(6))


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


def test_rare_tokens_are_longer():
    model = networks.text_embedding(TEXTS, units=200, max_ngrams=0)
    lookup, (table,) = model.get_layer("words_lookup"), model.get_weights()
    lengths = np.linalg.norm(table[lookup(tf.constant(["play", "jazz", "unseen"]))], axis=1)
    # Of 4 texts, counted as 5, "play" is in 2 and "jazz" in 1; an unknown word counts as in 1.
    expected = np.sqrt(np.log([5 / 2, 5, 5]))
    np.testing.assert_allclose(lengths / lengths[1], expected / expected[1], rtol=0.15)


def test_unknown_words_differ():
    model = networks.text_embedding(TEXTS)
    first, second = model.predict(tf.constant(["reykjavik", "ouagadougou"]), verbose=0)
    assert not np.allclose(first[:256], second[:256])


def test_frequent_words_come_first_and_others_are_left_out():
    model = networks.text_embedding(TEXTS, max_words=3, max_ngrams=0)
    vocabulary = model.get_layer("words_lookup").get_vocabulary(include_special_tokens=False)
    assert vocabulary == ["play", "song", "stop"]
    assert model.count_params() == (1 + 2048 + 3) * 256


def test_a_classifier_and_its_seed():
    first, second, other = (networks.text_embedding(TEXTS, 5, seed=k) for k in (1, 1, 2))
    assert first.output_shape == (None, 5)
    assert networks.text_embedding(TEXTS).output_shape == (None, 512)
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
