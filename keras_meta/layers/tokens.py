"""The words of texts, and their n-grams of characters."""

import keras
import tensorflow as tf

_APOSTROPHES = "['’]"
# Punctuation, symbols, all that is not printed, and all kinds of space.
_BETWEEN_WORDS = r"[\p{P}\p{S}\p{C}\p{Z}]"
# Scripts that put no spaces between words.
_UNSPACED = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}])"


def separate_words(texts):
    """Prepares texts of any alphabet for being split into words at spaces.

    Capitals become small letters, apostrophes vanish, other punctuation becomes a space. In scripts
    that put no spaces between words, such as Chinese, every character becomes a word.

    Args:
        texts: String tensor, in UTF-8.

    Returns:
        String tensor of the same shape.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta.layers.tokens import separate_words

    words = tf.strings.split(separate_words("WHAT'S on?")).numpy()
    assert words.tolist() == [b"whats", b"on"]
    ```
    """
    texts = tf.strings.lower(texts, encoding="utf-8")
    texts = tf.strings.regex_replace(texts, _APOSTROPHES, "")
    texts = tf.strings.regex_replace(texts, _BETWEEN_WORDS, " ")
    return tf.strings.regex_replace(texts, _UNSPACED, r" \1 ")


@keras.saving.register_keras_serializable("keras_meta")
class Tokens(keras.layers.Layer):
    """Splits texts of any alphabet into words, or into n-grams of characters within words.

    Words are prepared by `separate_words`. For n-grams, the borders of a word count as characters,
    `<` and `>`.

    Args:
        ngrams: Tuple of ints, such as `(3, 4)`, the numbers of characters; or `None` for words.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta.layers import Tokens

    texts = tf.constant(["Play it!", "Stop"])
    assert Tokens()(texts).numpy().tolist() == [[b"play", b"it"], [b"stop", b""]]
    assert Tokens((4,))(texts[1:]).numpy().tolist() == [[b"<sto", b"stop", b"top>"]]
    ```
    """

    def __init__(self, ngrams=None, **kwargs):
        super().__init__(**kwargs)
        self.ngrams = None if ngrams is None else tuple(ngrams)

    def call(self, texts):
        """Returns the tokens `[n, tokens]` of texts `[n]`, with `""` where a text has no more."""
        words = tf.strings.split(separate_words(texts))
        if self.ngrams is None:
            return words.to_tensor("", shape=[texts.shape[0], None])
        bordered = tf.strings.join(["<", words.flat_values, ">"])
        characters = tf.strings.unicode_split(bordered, "UTF-8")
        ngrams = tf.strings.ngrams(characters, self.ngrams, separator="")
        return (
            words.with_flat_values(ngrams)
            .merge_dims(1, 2)
            .to_tensor("", shape=[texts.shape[0], None])
        )

    def compute_output_spec(self, texts):
        return keras.KerasTensor((texts.shape[0], None), "string")

    def get_config(self):
        return {**super().get_config(), "ngrams": self.ngrams}
