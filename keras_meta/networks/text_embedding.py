"""Words and n-grams of characters, a small network for texts."""

import collections

import keras
import numpy as np
import tensorflow as tf

from keras_meta.layers.masked_mean import MaskedMean
from keras_meta.layers.token_counts import TokenCounts
from keras_meta.layers.tokens import Tokens

_BINS = 2048  # of unknown tokens


def text_embedding(
    texts,
    num_ways=None,
    units=256,
    max_words=5000,
    max_ngrams=8000,
    seed=0,
    name="text_embedding",
):
    """The words of a text and its n-grams of 3 and 4 characters, as means and as counts.

        f(x) = [n(mean of e_w), n(c_w), n(mean of e_g), n(c_g)],    n(v) = v / |v|

    with `e` the learned vectors and `c` the weighted counts of the words `w` and the n-grams `g` of
    the text. Vectors relate words by how they were used in training, counts relate texts by what
    both contain, and n-grams relate words that the texts do not contain to those that they do. Rare
    words and n-grams start longer and with more weight: by the square root of the logarithm of the
    inverse of their frequency. The vocabularies consist of what is most frequent in the given
    texts; of all else, a hash decides which of 2,048 places it has, so that a word that was never
    seen still is itself. A text without words is embedded as zero. The vocabularies are saved and
    exported with the model, which takes strings.

    Args:
        texts: Array, list or tensor of strings, from which the vocabularies are taken. These should
            be texts for training, not those of classes that are to count as unseen.
        num_ways: int. Number of outputs of a linear layer at the end, or `None` for the embedding
            alone.
        units: int. Length of the two means.
        max_words: int. Maximum number of words in the vocabulary.
        max_ngrams: int. Maximum number of n-grams; with 0, the embedding is of words alone.
        seed: int. Seed of the initial weights.
        name: Name of the model.

    Returns:
        A built `keras.Model` from texts `[n]` to embeddings `[n, size]`, with `size` twice `units`
        and the sizes of both vocabularies, or to logits `[n, num_ways]`.

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

    Reference:
        [Bojanowski et al., 2017](https://arxiv.org/abs/1607.04606) (n-grams of characters);
        [Salton, Buckley, 1988](https://doi.org/10.1016/0306-4573(88)90021-0) (weighted counts)
    """
    texts = tf.convert_to_tensor(texts)
    strings = keras.Input((), dtype="string")
    parts = _parts(strings, texts, Tokens(name="words"), max_words, units, [seed, 0])
    if max_ngrams:
        ngrams = Tokens((3, 4), name="ngrams")
        parts += _parts(strings, texts, ngrams, max_ngrams, units, [seed, 1])
    outputs = keras.layers.Concatenate()(parts)
    if num_ways is not None:
        initializer = keras.initializers.GlorotUniform(seed=seed)
        outputs = keras.layers.Dense(num_ways, kernel_initializer=initializer)(outputs)
    return keras.Model(strings, outputs, name=name)


def _parts(strings, texts, tokens, max_tokens, units, seed):
    """Embeds strings by their tokens, with a vocabulary from texts: the mean, and the counts."""
    vocabulary, shares = _vocabulary(texts, tokens, max_tokens)
    lookup = keras.layers.StringLookup(
        vocabulary=vocabulary, num_oov_indices=_BINS, mask_token="", name=f"{tokens.name}_lookup"
    )
    # The first number is padding, then come the bins of unknown tokens, which count as rare.
    shares = np.concatenate([np.ones(1), np.full(_BINS, 1 / (len(texts) + 1)), shares])
    rarity = np.sqrt(np.log(1 / shares))
    table = np.random.default_rng(seed).uniform(-0.05, 0.05, (len(shares), units))
    embedding = keras.layers.Embedding(*table.shape, mask_zero=True)
    counts = TokenCounts(len(shares), name=f"{tokens.name}_counts")
    numbers = lookup(tokens(strings))
    parts = [MaskedMean()(embedding(numbers)), counts(numbers)]
    embedding.set_weights([table * rarity[:, None]])
    counts.set_weights([rarity])
    return [keras.layers.UnitNormalization()(part) for part in parts]


def _vocabulary(texts, tokens, max_tokens):
    """Returns the most frequent tokens, and the share of texts in which each occurs."""
    counts = collections.Counter()
    for batch in tf.data.Dataset.from_tensor_slices(texts).batch(1024):
        counts.update(token for row in tokens(batch).numpy() for token in set(row) if token)
    if not counts:
        raise ValueError(
            "`texts` must contain words, of which the vocabulary is made. Received: "
            f"{len(texts)} texts without a word, such as {texts[:1].numpy().tolist()}."
        )
    # Ties are broken by spelling: a vocabulary does not depend on the order of sets.
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:max_tokens]
    names, numbers = zip(*ranked, strict=True)
    return [name.decode() for name in names], np.array(numbers) / (len(texts) + 1)
