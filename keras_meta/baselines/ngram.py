"""An n-gram model of the support text."""

import numpy as np
import tensorflow as tf

from keras_meta.baselines.baseline_method import BaselineMethod


class Ngram(BaselineMethod):
    """An interpolated n-gram model of the support text, smoothed by Witten and Bell's method.

    After a context `h` of `k` symbols, with counts `n(h, c)` in the support windows and `t(h)`
    different symbols seen after `h`,

        p_k(c | h) = (n(h, c) + t(h) p_{k-1}(c | h')) / (n(h) + t(h)),      p_{-1} = 1 / symbols

    where `h'` lacks the first symbol of `h`. A context that was not seen leaves `p_{k-1}`. Tasks
    are windows of text, as of `episodes.CharacterLanguages`. Predictions are log-probabilities,
    which are logits as well.

    Args:
        num_symbols: int.
        orders: Increasing sequence of ints, the numbers of symbols in an n-gram; the settings.

    Example:

    ```python
    import keras_meta

    tasks = keras_meta.episodes.SyntheticLanguages(num_shots=4, num_queries=2, length=40)
    ngram = keras_meta.baselines.Ngram(tasks.codec.size, orders=(1, 2, 3))
    bits = ngram.task_values(tasks.as_dataset(3, num_batches=1), "bits_per_character")
    assert bits.shape == (3, 3)
    ```

    Reference:
        [Witten and Bell, 1991](https://doi.org/10.1109/18.87000)
    """

    def __init__(self, num_symbols, orders=(1, 2, 3, 4, 5)):
        super().__init__()
        self.num_symbols = num_symbols
        self.orders = tuple(orders)

    @property
    def settings(self):
        return [f"order {order}" for order in self.orders]

    def predictions(self, inputs, loss):
        del loss
        arguments = [inputs["support_x"], inputs["support_y"], inputs["query_x"]]
        found = tf.numpy_function(self.log_probabilities, arguments, tf.float32)
        return tf.ensure_shape(
            found, [len(self.orders), *inputs["query_x"].shape, self.num_symbols]
        )

    def log_probabilities(self, support_x, support_y, query_x):
        """Returns the log-probabilities of the symbol after each of the queries.

        Args:
            support_x: Int array `[support, time]`.
            support_y: Int array `[support, time]`, each row that of `support_x` one symbol later.
            query_x: Int array `[query, time]`.

        Returns:
            float32 array `[orders, query, time, symbols]`.
        """
        windows = np.concatenate([support_x[:, :1], support_y], 1)
        counts = _counts(windows, max(self.orders))
        shape = (len(self.orders), *query_x.shape, self.num_symbols)
        found = np.empty(shape, "float32")
        for row, query in enumerate(query_x):
            for position in range(len(query)):
                seen = query[: position + 1]
                for setting, p in enumerate(self._interpolated(counts, seen)):
                    found[setting, row, position] = p
        return np.log(found)

    def _interpolated(self, counts, seen):
        """Yields the probabilities of the next symbol by the models of each order."""
        p = np.full(self.num_symbols, 1 / self.num_symbols)
        for size in range(max(self.orders)):
            after = counts.get(tuple(seen[len(seen) - size :])) if size <= len(seen) else None
            if after is not None:
                symbols, number = after
                p = p * (len(symbols) / (number.sum() + len(symbols)))
                p[symbols] += number / (number.sum() + len(symbols))
            if size + 1 in self.orders:
                yield p


def _counts(windows, order):
    """Returns for each context of less than `order` symbols those that follow it, and how often."""
    found = {}
    for window in windows.tolist():
        for end, symbol in enumerate(window):
            for start in range(max(end - order + 1, 0), end + 1):
                after = found.setdefault(tuple(window[start:end]), {})
                after[symbol] = after.get(symbol, 0) + 1
    return {
        context: (np.array(list(after)), np.array(list(after.values()), "float64"))
        for context, after in found.items()
    }
