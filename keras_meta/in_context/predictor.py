"""Predictions of one table, averaged over permutations of its columns and classes."""

import weakref

import numpy as np
import tensorflow as tf

# The most scores of attention that are computed at once.
_SCORES = 2**26
_QUERIES = 512
# Rows are predicted in multiples of so many.
_TOGETHER = 64

_compiled = weakref.WeakKeyDictionary()


def compiled(network, regression):
    """Returns the functions `read` and `predict_rows` of a network, as graphs for any table.

    Args:
        network: A `TableTransformer`.
        regression: bool. Whether numbers are predicted.

    Returns:
        Pair of functions: of arrays `(x, y, categories)` to the state of the tables, and of
        `(state, x)` to scores.
    """
    graphs = _compiled.setdefault(network, {})
    if regression not in graphs:
        reference = weakref.ref(network)
        rows = tf.TensorSpec([None, None, None])
        labels = tf.TensorSpec([None, None], tf.float32 if regression else tf.int32)

        def read(x, y, categories):
            return reference().read(x, y, categories, regression=regression)

        def predict_rows(state, x):
            return reference().predict_rows(state, x)

        signature = [rows, labels, tf.TensorSpec([None, None])]
        read = tf.function(read, signature, autograph=False)
        state = read.get_concrete_function().structured_outputs
        state = tf.nest.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), state)
        graphs[regression] = read, tf.function(predict_rows, [state, rows], autograph=False)
    return graphs[regression]


class TablePredictor:
    """A network of tables that has read the rows of one table.

    The network should predict the same whatever the order of columns and the numbers of classes.
    It does so roughly, and the mean over members, each with another order, does better.

    Args:
        network: A `TableTransformer`.
        x: float32 array `[rows, columns]`, NaN where a value is missing.
        y: Array `[rows]`: int classes, or float numbers.
        categories: bool array `[columns]`.
        members: int. The number of orders.
        seed: int. Orders are a function of it.

    Example:

    ```python
    import numpy as np
    from keras_meta.in_context.predictor import TablePredictor
    from keras_meta.networks.table_transformer import TableTransformer

    x = np.random.default_rng(0).normal(size=(30, 3)).astype("float32")
    network = TableTransformer(width=8, num_blocks=1, num_heads=2)
    predictor = TablePredictor(network, x, np.arange(30) % 2, np.zeros(3, bool), members=2)
    assert predictor.probabilities(x[:5]).shape == (5, 2)
    ```
    """

    def __init__(self, network, x, y, categories, members=8, seed=0):
        self.network, self.regression = network, y.dtype.kind == "f"
        self.num_outputs = network.settings["num_buckets" if self.regression else "num_classes"]
        random = np.random.default_rng(seed)
        rows, columns = x.shape
        # The first member has everything in its order.
        self.orders = [np.arange(columns)]
        self.codes = [np.arange(self.num_outputs)]
        for _ in range(1, members):
            self.orders.append(random.permutation(columns))
            code = np.arange(self.num_outputs)
            self.codes.append(code if self.regression else random.permutation(code))
        if not self.regression:
            ways = int(y.max()) + 1
            self.codes = [codes[:ways] for codes in self.codes]
        tokens = -(-columns // network.settings["group_size"]) + 1
        scores = tokens * network.settings["num_heads"] * rows * max(rows, _QUERIES)
        together = max(1, min(members, _SCORES // scores))
        read, _ = compiled(network, self.regression)
        self.passes = []
        for start in range(0, members, together):
            part = slice(start, start + together)
            orders = self.orders[part]
            labels = np.stack(
                [y if self.regression else codes[y] for codes in self.codes[part]]
            ).astype("float32" if self.regression else "int32")
            kinds = np.stack([categories[order] for order in orders]).astype("float32")
            state = read(
                tf.constant(np.stack([x[:, order] for order in orders]), tf.float32),
                tf.constant(labels),
                tf.constant(kinds),
            )
            self.passes.append((orders, self.codes[part], state))

    def probabilities(self, x):
        """Returns probabilities of classes, or of the buckets of a number, `[rows, outputs]`.

        Args:
            x: float32 array `[rows, columns]`.
        """
        chunks = [x[start : start + _QUERIES] for start in range(0, len(x), _QUERIES)]
        return np.concatenate([self._probabilities(chunk) for chunk in chunks])

    def _probabilities(self, x):
        _, predict_rows = compiled(self.network, self.regression)
        # Products of matrices round by their size: rows of another number would differ in the last
        # bits, though each is predicted on its own.
        x, rows = np.pad(x, ((0, -len(x) % _TOGETHER), (0, 0))), len(x)
        members = []
        for orders, codes, state in self.passes:
            queries = tf.constant(np.stack([x[:, order] for order in orders]), tf.float32)
            scores = predict_rows(state, queries).numpy()[:, :rows].astype("float64")
            members += [score[:, code] for score, code in zip(scores, codes, strict=True)]
        scores = np.stack(members)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        return (scores / scores.sum(-1, keepdims=True)).mean(0)
