"""Text as numbers: bytes of UTF-8, or the characters of an alphabet."""

import collections

import numpy as np

# The symbol of what is not in the alphabet, shown as Unicode's replacement character.
UNKNOWN = 0
_REPLACEMENT = "\ufffd"


class Characters:
    """Encodes text as numbers of symbols, and decodes them.

    Without an alphabet the symbols are the 256 bytes of UTF-8, which encode every script. With an
    alphabet of `n` characters there are `n + 1` symbols: character `i` is the number `i + 1`, and
    0 is any other character. Sequences are shorter then, in scripts of several bytes a character,
    but what is unknown cannot be predicted or written.

    Args:
        alphabet: str of different characters, or `None` for UTF-8.

    Attributes:
        size: int. Number of symbols.
        utf_8: bool. Whether the symbols are bytes. See `keras_meta.metrics.BitsPerCharacter`.

    Raises:
        ValueError: If `alphabet` is empty or contains a character twice.

    Example:

    ```python
    from keras_meta import episodes

    codec = episodes.Characters()
    assert codec.size == 256 and list(codec.encode("né")) == [110, 195, 169]
    letters = episodes.Characters("abc")
    assert letters.size == 4 and list(letters.encode("cab?")) == [3, 1, 2, 0]
    assert letters.decode([3, 1, 2]) == "cab"
    ```
    """

    def __init__(self, alphabet=None):
        if alphabet is not None and not 0 < len(alphabet) == len(set(alphabet)):
            raise ValueError(
                "`alphabet` must be a string of different characters, or None for UTF-8. "
                f"Received: alphabet={alphabet!r}."
            )
        self.alphabet = alphabet
        self.utf_8 = alphabet is None
        self.size = 256 if alphabet is None else len(alphabet) + 1
        self._numbers = {character: i + 1 for i, character in enumerate(alphabet or "")}

    @classmethod
    def of_texts(cls, texts, size=255):
        """Returns a codec for the most frequent characters of texts.

        Args:
            texts: Iterable of strs.
            size: int. The largest number of characters in the alphabet.
        """
        counts = collections.Counter()
        for text in texts:
            counts.update(text)
        # In the order of the alphabet, so that texts with the same characters have one codec.
        return cls("".join(sorted(character for character, _ in counts.most_common(size))))

    def encode(self, text):
        """Returns the symbols of a text, an int32 array."""
        if self.utf_8:
            return np.frombuffer(text.encode(), np.uint8).astype("int32")
        return np.array([self._numbers.get(character, UNKNOWN) for character in text], "int32")

    def decode(self, symbols):
        """Returns the text of a sequence of symbols.

        Bytes that are no character, such as the second half of one, become U+FFFD, and so does the
        unknown symbol.
        """
        symbols = np.asarray(symbols).reshape(-1).astype(int)
        if self.utf_8:
            return bytes(symbols.tolist()).decode(errors="replace")
        return "".join(([_REPLACEMENT, *self.alphabet])[number] for number in symbols)

    def get_config(self):
        return {"alphabet": self.alphabet}
