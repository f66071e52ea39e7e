"""Words of any alphabet, and n-grams within them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.layers import Tokens


def words_of(text):
    return [word.decode() for word in Tokens()(tf.constant([text])).numpy()[0]]


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


def test_ngrams_stay_within_words_whose_borders_count():
    ngrams = Tokens((3, 4))(tf.constant(["to bé", "", "a"])).numpy().astype("S")
    assert np.char.decode(ngrams, "utf-8").tolist() == [
        ["<to", "to>", "<to>", "<b\u00e9", "b\u00e9>", "<b\u00e9>"],
        [""] * 6,
        ["<a>", *[""] * 5],
    ]


def test_shapes_in_a_graph_and_in_a_model(tmp_path):
    strings = keras.Input((), dtype="string")
    model = keras.Model(strings, Tokens((2,))(strings))
    assert model.output_shape == (None, None) and model.output.dtype == "string"
    model.save(tmp_path / "tokens.keras")
    loaded = keras.models.load_model(tmp_path / "tokens.keras")
    x = tf.constant(["one two", "three"])
    np.testing.assert_array_equal(loaded(x), model(x))
    traced = tf.function(Tokens()).get_concrete_function(tf.TensorSpec([4], tf.string))
    assert traced.structured_outputs.shape.as_list() == [4, None]
