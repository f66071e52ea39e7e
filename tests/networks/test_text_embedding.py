"""The mean of word embeddings."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import networks
from keras_meta.networks.text_embedding import separate_words

TEXTS = ["play a song", "play some jazz", "Stop the song!", "stop it"]


def words_of(text):
    return [word.decode() for word in tf.strings.split(separate_words(text)).numpy()]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("What's on—today?", ["whats", "on", "today"]),
        ("", []),
        (" ?!… ", []),
        ("GRÜẞE, ÉCOLE", ["grüße", "école"]),
        ("ДОБРЫЙ день", ["добрый", "день"]),
        ("播放音乐 now", ["播", "放", "音", "乐", "now"]),
        ("ตั้ง", list("ตั้ง")),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("مرحبا، بالعالم", ["مرحبا", "بالعالم"]),
        ("a\u00a0b\u2028c\u200bd", ["a", "b", "c", "d"]),
        ("5 apples 🍎", ["5", "apples"]),
    ],
)
def test_words_of_any_alphabet(text, words):
    assert words_of(text) == words


def test_a_text_is_the_mean_of_its_words():
    model = networks.text_embedding(TEXTS, units=3)
    layer, table = model.layers[0], model.get_weights()[0]
    words = layer.get_vocabulary()
    assert words[:2] == ["", "[UNK]"] and len(words) == len(table) == 2 + 8
    found = model.predict(tf.constant(["Song? STOP it, please", "", "unknown"]), verbose=0)
    known = [table[words.index(word)] for word in ("song", "stop", "it", "[UNK]")]
    expected = [np.mean(known, 0), np.zeros(3), table[1]]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_frequent_words_come_first_and_others_are_left_out():
    model = networks.text_embedding(TEXTS, max_words=3)
    assert sorted(model.layers[0].get_vocabulary()[2:]) == ["play", "song", "stop"]
    assert model.count_params() == 5 * 64


def test_a_classifier_and_its_seed():
    first, second, other = (networks.text_embedding(TEXTS, 5, seed=k) for k in (1, 1, 2))
    assert first.output_shape == (None, 5) and networks.text_embedding(TEXTS).output_shape == (
        None,
        64,
    )
    x = tf.constant(TEXTS)
    np.testing.assert_array_equal(first.predict(x, verbose=0), second.predict(x, verbose=0))
    assert np.any(first.predict(x, verbose=0) != other.predict(x, verbose=0))


@pytest.mark.parametrize(
    "texts", [TEXTS, np.array(TEXTS), np.array(TEXTS, "S"), tf.constant(TEXTS)]
)
def test_texts_of_any_kind(texts):
    assert networks.text_embedding(texts).layers[0].vocabulary_size() == 10


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
