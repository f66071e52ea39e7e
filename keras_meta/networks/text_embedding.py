"""The mean of word embeddings, a small network for texts."""

import keras
import numpy as np
import tensorflow as tf

from keras_meta.layers.masked_mean import MaskedMean

_APOSTROPHES = "['’]"
# Punctuation, symbols, all that is not printed, and all kinds of space.
_BETWEEN_WORDS = r"[\p{P}\p{S}\p{C}\p{Z}]"
# Scripts that put no spaces between words.
_UNSPACED = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}])"


@keras.saving.register_keras_serializable("keras_meta")
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
    from keras_meta.networks.text_embedding import separate_words

    words = tf.strings.split(separate_words("WHAT'S on?")).numpy()
    assert words.tolist() == [b"whats", b"on"]
    ```
    """
    texts = tf.strings.lower(texts, encoding="utf-8")
    texts = tf.strings.regex_replace(texts, _APOSTROPHES, "")
    texts = tf.strings.regex_replace(texts, _BETWEEN_WORDS, " ")
    return tf.strings.regex_replace(texts, _UNSPACED, r" \1 ")


def text_embedding(texts, num_ways=None, units=64, max_words=5000, seed=0, name="text_embedding"):
    """The mean of the embeddings of the words of a text.

        f(x) = mean over the words w of x of  e_w

    The vocabulary consists of the words that are most frequent in the given texts; all others share
    one embedding. The text without words is embedded as zero. The vocabulary is saved and exported
    with the model, which takes strings.

    Args:
        texts: Array, list or tensor of strings, from which the vocabulary is taken. These should be
            texts for training, not those of classes that are to count as unseen.
        num_ways: int. Number of outputs of a linear layer at the end, or `None` for the embedding
            alone.
        units: int. Length of the embedding.
        max_words: int. Maximum number of words in the vocabulary.
        seed: int. Seed of the initial weights.
        name: Name of the model.

    Returns:
        A built `keras.Sequential` from texts `[n]` to embeddings `[n, units]`, or to logits
        `[n, num_ways]`.

    Raises:
        ValueError: If the texts have no words.

    Example:

    ```python
    import numpy as np
    import keras_meta

    texts = np.array(["play a song", "play some jazz", "set a timer", "start the timer"])
    body = keras_meta.networks.text_embedding(texts, units=8)
    learner = keras_meta.learners.RidgeLearner(body)
    learner.compile("adam", keras_meta.losses.SparseCategoricalHinge())
    tasks = keras_meta.episodes.EpisodeSampler(texts, ["music", "music", "time", "time"], 2, 1, 1)
    learner.fit(tasks.as_dataset(batch_size=2), steps_per_epoch=2, verbose=0)
    classifier = learner.adapt(["play rock", "a timer please"], [0, 1])
    ```
    """
    words = _vocabulary(texts, max_words)
    initializer = keras.initializers.RandomUniform(-0.05, 0.05, seed=seed)
    layers = [
        keras.Input((), dtype="string"),
        keras.layers.TextVectorization(standardize=separate_words, vocabulary=words, name="words"),
        # Two more, for padding and for unknown words.
        keras.layers.Embedding(len(words) + 2, units, initializer, mask_zero=True),
        MaskedMean(),
    ]
    if num_ways is not None:
        initializer = keras.initializers.GlorotUniform(seed=seed)
        layers.append(keras.layers.Dense(num_ways, kernel_initializer=initializer))
    return keras.Sequential(layers, name=name)


def _vocabulary(texts, max_words):
    """Returns the most frequent words, most frequent first."""
    texts = np.asarray(texts)
    layer = keras.layers.TextVectorization(max_words + 2, standardize=separate_words)
    layer.adapt(tf.data.Dataset.from_tensor_slices(texts).batch(1024))
    words = layer.get_vocabulary(include_special_tokens=False)
    if not words:
        raise ValueError(
            "`texts` must contain words, of which the vocabulary is made. Received: "
            f"{len(texts)} texts without a word, such as {texts[:1].tolist()}."
        )
    return words
