"""Invented languages as tasks, without a data set."""

import math
import string

import numpy as np
import tensorflow as tf

from keras_meta.episodes.arguments import check_integer
from keras_meta.episodes.characters import Characters
from keras_meta.episodes.next_symbols import next_symbols
from keras_meta.episodes.task_distribution import TaskDistribution
from keras_meta.inner_loop.random_numbers import below

_ALPHABET = " ." + string.ascii_lowercase
_SPACE, _STOP, _FIRST_LETTER = 1, 2, 3  # numbers of symbols
_VOWELS, _CONSONANTS = 5, 12
_SYLLABLES = 24
_CLASSES, _WORDS_OF_CLASS = 4, 16
_MOST_SYLLABLES = 3
_SHORTEST_SENTENCE = 3  # a space, a vowel and a stop


class SyntheticLanguages(TaskDistribution):
    """Next-character prediction in invented languages, each task another language.

    A language has 5 vowels and 12 consonants out of 26 letters, 24 syllables of them, and 64 words
    of one to three syllables, in four classes. A word of rank `k` in its class has a frequency
    proportional to `1 / k` (Zipf's law), and frequent words are short. A sentence has at most one
    word of each class, in the order of the language, and ends with a full stop. The windows of a
    task are consecutive passages of its text, those of the support set first. See
    `CharacterLanguages` for what is in a window.

    Args:
        num_shots: Integer. Number of support windows in a task.
        num_queries: Integer. Number of query windows in a task.
        length: Integer. Number of symbols to predict in a window.
        seed: Integer. The stream of languages is a function of it.

    Attributes:
        codec: The `Characters` of the letters, space and full stop.

    Raises:
        ValueError: If a count is below 1.

    Example:

    ```python
    from keras_meta import episodes

    tasks = episodes.SyntheticLanguages(num_shots=2, num_queries=2, length=40, seed=0)
    (inputs, query_y), = tasks.as_dataset(batch_size=3, num_batches=1)
    print(inputs["support_x"].shape, query_y.shape)  # (3, 2, 40) (3, 2, 40)
    for language in inputs["support_x"]:
        print(tasks.codec.decode(language[0]))
    ```

    Reference:
        Zipf: "The Psycho-Biology of Language", 1935.
    """

    def __init__(self, num_shots=10, num_queries=10, length=64, seed=0):
        super().__init__(seed)
        self.num_shots = check_integer("num_shots", num_shots, minimum=1)
        self.num_queries = check_integer("num_queries", num_queries, minimum=1)
        self.length = check_integer("length", length, minimum=1)
        self.codec = Characters(_ALPHABET)

    def sample(self, first_task, num_tasks):
        num_windows, length = self.num_shots + self.num_queries, self.length + 1
        texts = self.texts(first_task, num_tasks, num_windows * length)
        windows = tf.reshape(texts, [num_tasks, num_windows, length])
        support, query = tf.split(windows, [self.num_shots, self.num_queries], axis=1)
        return next_symbols(support, query)

    def texts(self, first_task, num_tasks, size):
        """Returns texts in the languages of consecutive tasks.

        Args:
            first_task: Integer or scalar `int64` tensor. The number of the first task.
            num_tasks: Python integer.
            size: Python integer. Number of symbols in a text.

        Returns:
            int32 tensor `[tasks, size]` of symbols of `codec`.
        """
        tokens, lengths = self._vocabulary(first_task, num_tasks)
        sentences = math.ceil(size / _SHORTEST_SENTENCE)
        numbers, present = self._sentences(first_task, num_tasks, sentences)
        lengths = tf.gather(lengths, numbers, batch_dims=1) * tf.cast(present, tf.int32)
        ends = tf.cumsum(lengths, axis=1)
        # The token that each symbol of the text is in, and its place there.
        places = tf.repeat(tf.range(size)[None], num_tasks, 0)
        which = tf.searchsorted(ends, places, side="right")
        starts = tf.gather(ends - lengths, which, batch_dims=1)
        number = tf.gather(numbers, which, batch_dims=1)
        return tf.gather_nd(tokens, tf.stack([number, places - starts], -1), batch_dims=1)

    def _vocabulary(self, first_task, num_tasks):
        """Returns the tokens of each language: words, each after a space, and the full stop.

        Returns:
            Tuple of symbols `[tasks, words + 1, longest]` and lengths `[tasks, words + 1]`.
        """
        syllables, present = self._syllables(first_task, num_tasks)
        words = _CLASSES * _WORDS_OF_CLASS
        drawn = self.uniform(first_task, num_tasks, (words, _MOST_SYLLABLES), stream=2)
        chosen = below(drawn, _SYLLABLES)
        shape = [num_tasks, words, -1]
        letters = tf.reshape(tf.gather(syllables, chosen, batch_dims=1), shape)
        present = tf.gather(present, chosen, batch_dims=1)
        # Frequent words, with which the words of each class begin, have one syllable.
        rank = np.arange(words) % _WORDS_OF_CLASS
        fewest = np.searchsorted([2, 8], rank, side="right") + 1
        has = np.arange(_MOST_SYLLABLES) < fewest[:, None]
        present = tf.reshape(present & has[None, :, :, None], shape)
        # Moves the letters that are there to the front.
        order = tf.argsort(tf.cast(~present, tf.int32), axis=-1, stable=True)
        letters = tf.gather(letters, order, batch_dims=2)
        lengths = tf.reduce_sum(tf.cast(present, tf.int32), -1)
        letters = tf.pad(letters, [[0, 0], [0, 0], [1, 0]], constant_values=_SPACE)
        tokens = tf.pad(letters, [[0, 0], [0, 1], [0, 0]], constant_values=_STOP)
        return tokens, tf.pad(lengths + 1, [[0, 0], [0, 1]], constant_values=1)

    def _syllables(self, first_task, num_tasks):
        """Returns the syllables of each language: onset, vowel, coda, and which of them it has.

        Returns:
            Tuple of symbols and bools, both `[tasks, syllables, 3]`.
        """
        order = tf.argsort(self.uniform(first_task, num_tasks, (26,), stream=0))
        letters = order + _FIRST_LETTER
        kinds = self.uniform(first_task, num_tasks, (_SYLLABLES, 3), stream=1)
        likely = tf.constant([0.85, 1.0, 0.4])  # that a syllable has it
        present = kinds < likely
        # Given that it is there, what was drawn is uniform again.
        which = below(tf.where(present, kinds / likely, 0.0), [_CONSONANTS, _VOWELS, _CONSONANTS])
        first = tf.constant([_VOWELS, 0, _VOWELS])
        return tf.gather(letters, first + which, batch_dims=1), present

    def _sentences(self, first_task, num_tasks, number):
        """Returns the tokens of sentences in each language.

        Returns:
            Tuple of token numbers and of whether a token is there, both `[tasks, tokens]`.
        """
        order = tf.argsort(self.uniform(first_task, num_tasks, (_CLASSES,), stream=3))
        drawn = self.uniform(first_task, num_tasks, (number, _CLASSES, 2), stream=4)
        frequency = 1 / np.arange(1, _WORDS_OF_CLASS + 1)
        borders = np.cumsum(frequency / frequency.sum())[:-1].astype("float32")
        rank = tf.searchsorted(borders, tf.reshape(drawn[..., 0], [-1]), side="right")
        words = order[:, None] * _WORDS_OF_CLASS + tf.reshape(rank, drawn.shape[:-1])
        # The first class of the order is always there.
        present = drawn[..., 1] < [1.0, *[0.7] * (_CLASSES - 1)]
        stop = _CLASSES * _WORDS_OF_CLASS
        words = tf.pad(words, [[0, 0], [0, 0], [0, 1]], constant_values=stop)
        present = tf.pad(present, [[0, 0], [0, 0], [0, 1]], constant_values=True)
        return tf.reshape(words, [num_tasks, -1]), tf.reshape(present, [num_tasks, -1])
