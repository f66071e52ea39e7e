"""Exports a table that was read in context, to predict other rows of it elsewhere."""

import numpy as np
import tensorflow as tf

from keras_meta.episodes.table_tensors import feature_name
from keras_meta.serving import exporting, lite_exporting


def export(table, filepath, format="tf_saved_model", verbose=True, query_size=None):
    """Writes a `ReadTable` as a SavedModel or for LiteRT. See `InContextClassifier.export`."""
    if format == "tf_saved_model" and query_size is None:
        table.named = NamedColumns(table.columns)  # here, since LiteRT has no tables of strings
        endpoints = {"serve": exporting.flat(table.serve, table.named.specs())}
        exporting.write_module(table, filepath, endpoints, "serve", verbose)
    elif format == "litert":
        lite_exporting.check_options(filepath, query_size=query_size)
        x = tf.TensorSpec([query_size, len(table.columns.fits)], tf.float32)
        functions = {"predict": exporting.flat(table.predict, {"x": x})}
        lite_exporting.write(table, "a table", filepath, functions, verbose)
    else:
        raise ValueError(
            "A table exports to format='tf_saved_model', or to format='litert' with `query_size`. "
            f"Received: format={format!r}, query_size={query_size!r}."
        )


class NamedColumns(tf.Module):
    """`TableColumns` as a function of TensorFlow.

    Args:
        columns: `TableColumns`.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta.in_context.columns import TableColumns
    from keras_meta.in_context.exporting import NamedColumns

    columns = TableColumns([[1.0, 3.0, None], ["b", "a", "b"]], ["size", "kind"])
    rows = {"size": tf.constant([2.0], tf.float64), "kind": tf.constant(["a"])}
    assert NamedColumns(columns)(rows).numpy().tolist() == [[0.0, 0.0]]
    ```
    """

    def __init__(self, columns):
        super().__init__()
        self.fits = columns.fits
        names = [feature_name(name) for name in columns.names]
        # Different names may be alike without what TensorFlow forbids in them.
        self.names = [n if names.count(n) == 1 else f"{n}_{k}" for k, n in enumerate(names)]
        self.lookups = [_lookup(fit) for fit in self.fits if isinstance(fit, dict)]

    def specs(self):
        """Returns a dict, name of a column to its `tf.TensorSpec`."""
        types = [tf.string if isinstance(fit, dict) else tf.float64 for fit in self.fits]
        return {
            name: tf.TensorSpec([None], dtype)
            for name, dtype in zip(self.names, types, strict=True)
        }

    def __call__(self, columns):
        """Returns rows as a float32 tensor `[rows, columns]`, NaN where a value is missing.

        Args:
            columns: dict, name of a column to a tensor `[rows]`: numbers, NaN where missing, or
                strings, `""` where missing.
        """
        lookups, found = iter(self.lookups), []
        for name, fit in zip(self.names, self.fits, strict=True):
            values, codes = columns[name], isinstance(fit, dict)
            found.append(next(lookups)[values] if codes else (values - fit[0]) / fit[1])
        return tf.stack([tf.cast(x, tf.float32) for x in found], 1)


class ReadTable(tf.Module):
    """The context of a network of tables, and its predictions as functions of TensorFlow.

    Args:
        predictor: `TablePredictor`.
        columns: `TableColumns`.
        outputs: Callable, probabilities `[rows, outputs]` to a dict of tensors.
    """

    def __init__(self, predictor, columns, outputs):
        super().__init__()
        self.predictor, self.columns, self.outputs = predictor, columns, outputs
        self.named = None
        self.network_variables = [variable.value for variable in predictor.network.variables]
        # Keys and values may be larger than a graph can be.
        self.states = [
            tf.nest.map_structure(lambda x: tf.Variable(x, trainable=False), state)
            for _, _, state in predictor.passes
        ]

    def serve(self, columns):
        """Predicts rows. See `NamedColumns`."""
        return self._outputs(self.named(columns))

    def predict(self, inputs):
        """Predicts rows in which categories are numbers already.

        Args:
            inputs: dict with `x`, float32 tensor `[rows, columns]`, NaN where a value is missing. A
                category is its number in the order of names.
        """
        fits = [(0.0, 1.0) if isinstance(fit, dict) else fit for fit in self.columns.fits]
        mean, scale = np.transpose(fits).astype("float32")
        z = (inputs["x"] - mean) / scale
        # The first member has columns in their order.
        known = tf.convert_to_tensor(self.states[0]["columns"]["values"])[0]
        found = self._outputs(_as_known(z, known, 2e-7 * (np.abs(mean / scale) + tf.abs(z))))
        return {name: value for name, value in found.items() if name != "class"}

    def _outputs(self, x):
        members = []
        for (orders, codes, _), state in zip(self.predictor.passes, self.states, strict=True):
            state = tf.nest.map_structure(tf.convert_to_tensor, state)
            queries = tf.stack([tf.gather(x, order, axis=1) for order in orders])
            scores = tf.unstack(self.predictor.network.predict_rows(state, queries), len(orders))
            members += [tf.gather(s, code, axis=1) for s, code in zip(scores, codes, strict=True)]
        return self.outputs(tf.reduce_mean(tf.nn.softmax(tf.stack(members)), 0))


def class_outputs(classes):
    """Returns a function of probabilities `[rows, classes]` for `ReadTable`.

    Args:
        classes: Array of the classes.
    """

    def outputs(probabilities):
        found = tf.gather(tf.constant(classes), tf.argmax(probabilities, 1, tf.int32))
        return {"class": found, "probabilities": probabilities}

    return outputs


def number_outputs(borders, levels):
    """Returns a function of probabilities of buckets `[rows, buckets]` for `ReadTable`.

    Args:
        borders: Array `[buckets + 1]`.
        levels: Pair of floats, the quantiles that are the ends of the interval.
    """
    centre, scale = float(borders.mean()), float(borders.std())
    at = tf.constant((borders - centre) / scale, tf.float32)

    def outputs(probabilities):
        z = {"mean": tf.linalg.matvec(probabilities, (at[1:] + at[:-1]) / 2)}
        above = tf.cumsum(probabilities, 1)
        below = above - probabilities
        for name, level in zip(("lower", "upper"), levels, strict=True):
            # The first bucket at whose end the level is reached; rounding may leave the last below.
            reached = tf.reduce_sum(tf.cast(above < level, tf.int32), 1)
            bucket = tf.minimum(reached, at.shape[0] - 2)
            under = tf.gather(below, bucket, batch_dims=1)
            within = tf.gather(probabilities, bucket, batch_dims=1)
            share = tf.clip_by_value((level - under) / within, 0.0, 1.0)
            lowest = tf.gather(at, bucket)
            z[name] = lowest + share * (tf.gather(at, bucket + 1) - lowest)
        return {name: value * scale + centre for name, value in z.items()}

    return outputs


def _as_known(z, known, precision):
    """Replaces numbers that differ from known ones by rounding alone: it would change their ranks.

    Args:
        z: Tensor `[rows, columns]`.
        known: Tensor `[known rows, columns]`.
        precision: Tensor `[rows, columns]`, the largest difference that is rounding.
    """
    distance = tf.abs(z[:, None] - known)  # NaN, which is not less than anything, if one is missing
    near = distance <= precision[:, None]
    nearest = tf.reduce_min(tf.where(near, distance, np.inf), 1)
    equal = near & (distance == nearest[:, None])
    value = tf.reduce_max(tf.where(equal, known, -np.inf), 1)
    return tf.where(tf.reduce_any(near, 1), value, z)


def _lookup(codes):
    """A table from names of categories to codes, NaN for others."""
    names, values = list(codes), [float(code) for code in codes.values()]
    pairs = tf.lookup.KeyValueTensorInitializer(
        tf.constant(names, tf.string), tf.constant(values, tf.float32)
    )
    return tf.lookup.StaticHashTable(pairs, float("nan"))
