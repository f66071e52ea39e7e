"""Languages as tasks: to predict the next character of a text."""

import numpy as np
import tensorflow as tf

from keras_meta.episodes.arguments import check_integer
from keras_meta.episodes.characters import Characters
from keras_meta.episodes.next_symbols import next_symbols
from keras_meta.episodes.task_distribution import TaskDistribution
from keras_meta.inner_loop.random_numbers import below


class CharacterLanguages(TaskDistribution):
    """Next-character prediction, each language a task.

    A task is a language, of which the support set has a few windows of text, and the query set
    others, from other lines. For a window of symbols `c_0, ..., c_T`

        x = c_0, ..., c_{T-1},        y = c_1, ..., c_T

    so that a causal model predicts each symbol from those before it. The lines of a language are
    joined by line breaks. Those from which a task draws its support set are half of them, from a
    line drawn at random onwards, and the others are for its queries; or the caller divides them,
    with `query_lines`. The windows of a set follow each other in the text, and do not overlap.

    Args:
        lines: dict, name of a language to list of strs.
        num_shots: Integer. Number of support windows in a task.
        num_queries: Integer. Number of query windows in a task.
        length: Integer. Number of symbols to predict in a window, `T`.
        query_lines: dict like `lines`, from which queries are drawn, so that all of `lines` are for
            support sets; or `None`.
        codec: A `Characters`. Defaults to the bytes of UTF-8.
        seed: Integer. The stream of tasks is a function of it.
        in_turn: Boolean. Whether task `t` is of language `t` modulo their number, for evaluation,
            or of one drawn at random.

    Attributes:
        names: List of the names of the languages, sorted.

    Raises:
        ValueError: If there are no languages, or one has too little text for a task.

    Example:

    ```python
    from keras_meta import episodes

    lines = {"a": ["ab" * 20, "ba" * 20, "aab" * 15], "b": ["hum ho " * 6, "ho hum " * 6]}
    tasks = episodes.CharacterLanguages(lines, num_shots=2, num_queries=1, length=8)
    for inputs, query_y in tasks.as_dataset(batch_size=4, num_batches=1):
        print(inputs["support_x"].shape, query_y.shape)  # (4, 2, 8) (4, 1, 8)
        print(tasks.codec.decode(query_y[0, 0]))
    ```
    """

    def __init__(
        self,
        lines,
        num_shots=10,
        num_queries=10,
        length=64,
        query_lines=None,
        codec=None,
        seed=0,
        in_turn=False,
    ):
        super().__init__(seed)
        self.num_shots = check_integer("num_shots", num_shots, minimum=1)
        self.num_queries = check_integer("num_queries", num_queries, minimum=1)
        self.length = check_integer("length", length, minimum=1)
        self.codec = Characters() if codec is None else codec
        self.in_turn = in_turn
        if not lines or (query_lines is not None and set(query_lines) != set(lines)):
            raise ValueError(
                "`lines` must have the lines of each language, and `query_lines`, if given, those "
                f"of the same languages. Received: languages {list(lines)} and "
                f"{None if query_lines is None else list(query_lines)}."
            )
        self.names = sorted(lines)
        self._support = _Texts([lines[name] for name in self.names], self.codec)
        self._query = None
        if query_lines is not None:
            self._query = _Texts([query_lines[name] for name in self.names], self.codec)
        self._check_sizes()

    def languages(self, first_task, num_tasks):
        """Returns the languages of consecutive tasks.

        Args:
            first_task: Integer or scalar `int64` tensor. The number of the first task.
            num_tasks: Python integer.

        Returns:
            Integer tensor `[tasks]`, positions in `names`.
        """
        if self.in_turn:
            tasks = tf.cast(first_task, tf.int64) + tf.range(num_tasks, dtype=tf.int64)
            return tf.cast(tasks % len(self.names), tf.int32)
        return below(self.uniform(first_task, num_tasks, (), stream=0), len(self.names))

    def sample(self, first_task, num_tasks):
        language = self.languages(first_task, num_tasks)
        support_at = self.uniform(first_task, num_tasks, (self.num_shots,), stream=1)
        query_at = self.uniform(first_task, num_tasks, (self.num_queries,), stream=2)
        if self._query is None:
            where = self.uniform(first_task, num_tasks, (), stream=3)
            support, query = self._support.halves(language, where)
            of_queries = self._support
        else:
            support, query = self._support.whole(language), self._query.whole(language)
            of_queries = self._query
        support = self._support.windows(language, *support, support_at, self.length + 1)
        query = of_queries.windows(language, *query, query_at, self.length + 1)
        return next_symbols(support, query)

    def _check_sizes(self):
        support, query = (n * (self.length + 1) for n in (self.num_shots, self.num_queries))
        if self._query is None:
            sizes = {"support sets and queries": (self._support.smallest_halves(), support, query)}
        else:
            sizes = {
                "support sets": (self._support.sizes[:, None], support),
                "queries": (self._query.sizes[:, None], query),
            }
        for what, (found, *needed) in sizes.items():
            small = np.flatnonzero((found < needed).any(1))
            if len(small):
                named = ", ".join(
                    f"{self.names[i]!r} ({'/'.join(map(str, found[i]))})" for i in small[:10]
                )
                raise ValueError(
                    f"Every language needs text for the {what} of a task, "
                    f"{'/'.join(map(str, needed))} symbols: windows do not overlap. Received: too "
                    f"little in {len(small)} of {len(self.names)} languages: "
                    f"{named}{', ...' * (len(small) > 10)}. Lower `num_shots`, `num_queries` or "
                    "`length`, or leave these languages out."
                )


class _Texts:
    """The texts of languages as symbols, each a circle of lines.

    Args:
        languages: List of lists of strs, the lines of each language.
        codec: A `Characters`.

    Attributes:
        sizes: Integer array, the number of symbols of each language.
    """

    def __init__(self, languages, codec):
        texts, starts = [], []
        for lines in languages:
            encoded = [codec.encode(line + "\n") for line in lines if line]
            lengths = [len(line) for line in encoded]
            texts.append(np.concatenate(encoded) if encoded else np.zeros(0, "int32"))
            # For each position, where its line starts.
            starts.append(np.repeat(np.cumsum([0, *lengths])[:-1], lengths))
        self.sizes = np.array([len(text) for text in texts])
        self._starts = [start.astype("int32") for start in starts]
        kind = "uint8" if codec.size <= 256 else "int32"
        with tf.device("CPU:0"):
            self._symbols = tf.constant(np.concatenate(texts).astype(kind))
            self._line_starts = tf.constant(np.concatenate(self._starts))
            self._size = tf.constant(self.sizes, tf.int32)
            self._first = tf.constant(np.cumsum([0, *self.sizes])[:-1], tf.int32)

    def whole(self, language):
        """Returns first position and size of the whole text of languages: two tensors `[tasks]`."""
        size = tf.gather(self._size, language)
        return tf.zeros_like(size), size

    def halves(self, language, where):
        """Returns two parts of the text of languages, which have no line in common.

        Args:
            language: int tensor `[tasks]`.
            where: float tensor `[tasks]` in [0, 1): where the first part starts.

        Returns:
            Two pairs of first position and size, tensors `[tasks]`.
        """
        first, size = tf.gather(self._first, language), tf.gather(self._size, language)

        def line_start(position):
            return tf.gather(self._line_starts, first + position % size)

        start = line_start(below(where, size))
        middle = line_start(start + size // 2)
        in_first = (middle - start) % size
        return (start, in_first), (middle, size - in_first)

    def smallest_halves(self):
        """Returns the smallest sizes of what `halves` returns: an array `[languages, 2]`."""
        found = []
        for starts, size in zip(self._starts, self.sizes, strict=True):
            first = np.unique(starts)
            sizes = (starts[(first + size // 2) % max(size, 1)] - first) % max(size, 1)
            found.append([sizes.min(initial=size), size - sizes.max(initial=0)])
        return np.array(found)

    def windows(self, language, start, size, where, length):
        """Returns windows of a part of the text of languages, in its order and without overlap.

        Args:
            language: int tensor `[tasks]`.
            start: int tensor `[tasks]`, the first position of the part.
            size: int tensor `[tasks]`, its number of symbols.
            where: float tensor `[tasks, windows]` in [0, 1).
            length: int. The number of symbols in a window.

        Returns:
            int32 tensor `[tasks, windows, length]`.
        """
        number = where.shape[1]
        # One window in each of as many sections of equal size.
        section = size[:, None] // number
        at = section * tf.range(number) + below(where, section - length + 1)
        at = (start[:, None] + at)[..., None] + tf.range(length)
        rows = tf.gather(self._first, language), tf.gather(self._size, language)
        first, whole = (x[:, None, None] for x in rows)
        return tf.cast(tf.gather(self._symbols, first + at % whole), tf.int32)
