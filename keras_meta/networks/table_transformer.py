"""A transformer that reads a table with labels and predicts the labels of other rows."""

import keras
import numpy as np
from keras import ops

from keras_meta.heads.linear import NEVER
from keras_meta.layers.context_attention import ContextBlock, predict_context, read_context
from keras_meta.layers.table_cells import (
    NUM_FEATURES,
    TableCells,
    cell_features,
    column_statistics,
)


def bucket_borders(num_buckets):
    """Borders of buckets of standardised numbers, `0.7 sinh(t)` with `t` equally spaced.

    Buckets are narrow around the mean, where most numbers are, and reach from -10 to 10.

    Args:
        num_buckets: int.

    Returns:
        float32 array `[num_buckets + 1]`.
    """
    reach = np.arcsinh(10.0 / 0.7)
    return (0.7 * np.sinh(np.linspace(-reach, reach, num_buckets + 1))).astype("float32")


@keras.saving.register_keras_serializable("keras_meta")
class TableTransformer(keras.Model):
    """Predicts rows of a table from other rows and their labels, in one forward pass.

    The cells of a row are tokens, followed by one token for its label, which in queries is unknown.
    Blocks of attention over columns and over rows follow (see `ContextBlock`), and the token of the
    label gives the scores of classes, or of buckets of a standardised number. What queries need of
    the support set, its keys and values, is the state of a task.

    Args:
        width: int. The size of a token.
        num_blocks: int.
        num_heads: int.
        factor: int. The hidden layer of a block's MLP is this many times as wide.
        group_size: int. Number of neighbouring columns that share a token.
        num_classes: int. The most classes.
        num_buckets: int.
        **kwargs: Passed to `keras.Model`.

    Example:

    ```python
    import numpy as np
    from keras_meta.networks.table_transformer import TableTransformer

    network = TableTransformer(width=16, num_blocks=2, num_heads=2)
    x, y = np.random.default_rng(0).normal(size=(1, 20, 3)).astype("float32"), np.arange(20) % 2
    state = network.read(x, y[None].astype("int32"), np.zeros((1, 3)))
    assert network.predict_rows(state, x[:, :4]).shape == (1, 4, 10)
    ```

    Reference:
        [Hollmann et al., 2025](https://doi.org/10.1038/s41586-024-08328-6)
    """

    def __init__(
        self,
        width=128,
        num_blocks=6,
        num_heads=4,
        factor=2,
        group_size=2,
        num_classes=10,
        num_buckets=100,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.settings = {
            "width": width,
            "num_blocks": num_blocks,
            "num_heads": num_heads,
            "factor": factor,
            "group_size": group_size,
            "num_classes": num_classes,
            "num_buckets": num_buckets,
        }
        policy = self.dtype_policy

        def dense(name, size, units):
            layer = keras.layers.Dense(units, name=name, dtype=policy)
            layer.build((None, size))
            return layer

        self.cells = TableCells(width, group_size, name="cells", dtype=policy)
        self.cells.build()
        self.embed_class = dense("embed_class", num_classes, width)
        self.embed_number = dense("embed_number", NUM_FEATURES, width)
        self.unknown = self.add_weight(
            name="unknown", shape=(width,), initializer=keras.initializers.RandomNormal(stddev=0.5)
        )
        self.blocks = []
        for number in range(num_blocks):
            last = number == num_blocks - 1
            block = ContextBlock(num_heads, factor, last=last, name=f"block_{number}", dtype=policy)
            block.build((None, None, None, width))
            self.blocks.append(block)
        self.norm = keras.layers.RMSNormalization(name="norm", dtype=policy)
        self.norm.build((None, None, width))
        self.class_scores = dense("class_scores", width, num_classes)
        self.bucket_scores = dense("bucket_scores", width, num_buckets)
        self.borders = bucket_borders(num_buckets)
        self.built = True

    def read(self, x, y, categories, places=None, regression=False):
        """Reads the support rows of tables.

        Args:
            x: float tensor `[tasks, rows, columns]`, NaN where a value is missing.
            y: Tensor `[tasks, rows]`: int classes, or numbers.
            categories: Tensor `[tasks, columns]`, 1 for columns of categories, else 0.
            places: See `TableCells`.
            regression: bool. Whether `y` are numbers.

        Returns:
            dict, the state of the tasks.
        """
        columns = column_statistics(x)
        state = {"columns": columns, "categories": categories}
        if places is not None:
            state["places"] = places
        if regression:
            number = ops.cast(y, x.dtype)[..., None]
            state["target"] = column_statistics(number)
            label = self.embed_number(cell_features(number, state["target"])[:, :, 0])
        else:
            one_hot = ops.one_hot(y, self.settings["num_classes"], dtype=x.dtype)
            state["present"] = ops.max(one_hot, 1)
            label = self.embed_class(one_hot)
        cells = self.cells(x, columns, categories, places)
        tokens = ops.concatenate([cells, label[:, None]], 1)
        state["context"] = read_context(self.blocks, tokens)
        return state

    def predict_rows(self, state, x):
        """Predicts rows, each on its own.

        Args:
            state: dict, from `read`.
            x: float tensor `[tasks, rows, columns]`.

        Returns:
            Logits of classes, `[tasks, rows, num_classes]`, or of buckets of the number,
            standardised by the support rows, `[tasks, rows, num_buckets]`.
        """
        cells = self.cells(x, state["columns"], state["categories"], state.get("places"))
        tasks, _, rows, width = ops.shape(cells)
        unknown = ops.broadcast_to(
            ops.cast(self.unknown, self.compute_dtype), (tasks, 1, rows, width)
        )
        tokens = ops.concatenate([cells, unknown], 1)
        h = self.norm(predict_context(self.blocks, tokens, state["context"])[:, -1])
        if "target" in state:
            return ops.cast(self.bucket_scores(h), "float32")
        scores = ops.cast(self.class_scores(h), "float32")
        return ops.where(state["present"][:, None] > 0, scores, NEVER)

    def call(self, inputs, regression=False):
        """Logits of the queries of episodes. See `read` and `predict_rows`."""
        state = self.read(
            inputs["support_x"],
            inputs["support_y"],
            inputs["categories"],
            inputs.get("places"),
            regression,
        )
        return self.predict_rows(state, inputs["query_x"])

    def targets(self, state, y):
        """Returns the number of the bucket of numbers `y` `[tasks, rows]`."""
        target = state["target"]
        z = (ops.cast(y, "float32") - target["mean"][..., 0]) / target["scale"][..., 0]
        bucket = ops.searchsorted(self.borders, ops.reshape(z, (-1,)), side="right") - 1
        return ops.reshape(ops.clip(bucket, 0, self.settings["num_buckets"] - 1), ops.shape(z))

    def get_config(self):
        return {**super().get_config(), **self.settings}
