"""Text to numbers and back, as bytes or as characters."""

import numpy as np
import pytest

from keras_meta.episodes import Characters

TEXT = "né, €5 – 😀!"


def test_bytes_encode_every_text():
    codec = Characters()
    symbols = codec.encode(TEXT)
    assert codec.size == 256 and codec.utf_8 and symbols.dtype == "int32"
    assert list(symbols) == list(TEXT.encode()) and codec.decode(symbols) == TEXT
    assert codec.decode(symbols[:2]) == "n\ufffd"  # half a character
    assert codec.encode("").shape == (0,)


def test_an_alphabet_has_a_symbol_for_what_is_unknown():
    codec = Characters("abn ")
    assert codec.size == 5 and not codec.utf_8
    np.testing.assert_array_equal(codec.encode("ban xyz"), [2, 1, 3, 4, 0, 0, 0])
    assert codec.decode(codec.encode("ban x")) == "ban \ufffd"
    assert Characters(**codec.get_config()).encode("nab").tolist() == [3, 1, 2]


def test_the_alphabet_of_texts_is_of_the_most_frequent_characters():
    assert Characters.of_texts(["aaab", "bbc"], size=2).alphabet == "ab"
    assert Characters.of_texts(["bca"]).alphabet == "abc"


@pytest.mark.parametrize("alphabet", ["", "aba"])
def test_an_alphabet_of_different_characters(alphabet):
    with pytest.raises(ValueError, match="string of different characters.*Received"):
        Characters(alphabet)
