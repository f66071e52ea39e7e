"""Networks of a book: an embedding that starts from factors of training users, and its features."""

import keras
import numpy as np
import tensorflow as tf

import keras_meta


def training_table(train, features):
    """The ratings of training users as an `episodes.GroupedTable`.

    Args:
        train: `Ratings`.
        features: dict, name to array `[books]` of strs.
    """
    table = {"user": train.user, "rating": train.value, **columns(train.book, features)}
    categories = ["book", *features]
    return keras_meta.episodes.from_groups(
        table, "user", categories, "rating", categories=categories, missing="mask"
    ).table


def tasks(table, num_support, num_queries, seed=0):
    """Users as tasks of fixed size, those who have rated enough; a `GroupedEpisodes`."""
    table, _ = table.at_least(num_support + num_queries)
    return keras_meta.episodes.GroupedEpisodes(
        table, num_support, num_queries, missing="mask", seed=seed
    )


def mixed_sizes(table, sizes, num_queries, batch_size, seed=0):
    """A stream of meta-batches, each of which has one of several numbers of known ratings."""
    streams = [
        tasks(table, size, num_queries, seed * 10 + number).as_dataset(batch_size)
        for number, size in enumerate(sizes)
    ]
    return tf.data.Dataset.choose_from_datasets(
        streams, tf.data.Dataset.range(len(streams)).repeat()
    )


def columns(book, features):
    """The columns of books by number, a dict of arrays of the shape of `book`."""
    of_features = {name: values[book] for name, values in features.items()}
    return {"book": np.char.mod("%d", book), **of_features}


def catalogue(books, features):
    """The columns of all books, a dict of string tensors `[books]`, from which `rows` gathers."""
    found = columns(np.arange(books), features)
    return {name: tf.constant(np.asarray(values, str)) for name, values in found.items()}


def rows(of_all, book):
    """The columns of some books, of those of all."""
    return {name: tf.gather(values, book) for name, values in of_all.items()}


def item_network(
    train, features, factors, dropout=0.3, apart=(), used=None, width=32, scale=0.25, seed=0
):
    """Embeds a book: its row of a matrix and the rows of its features, summed, and some apart.

        f(x) = [D E[book] + sum over features c of E_c[x_c],  A_a[x_a] for each a in `apart`]

    With probability `dropout` a training step does not see which book it is, so that features learn
    to speak for books that nobody has rated. Rows of `A` start as random vectors, different ones of
    which are nearly orthogonal: two books of the same series are alike, whatever else they are.

    Args:
        train: `Ratings`, which tell the categories that are frequent enough to have a row.
        features: dict, name to array `[books]` of strs.
        factors: Array `[books, size]`, the rows that books start from.
        dropout: float.
        apart: Names of features.
        used: Names of features, or `None` for all.
        width: int. The length of rows of `A`.
        scale: float. The standard deviation of their initial numbers.
        seed: int.

    Returns:
        A functional `keras.Model` from a dict of columns to embeddings.
    """
    size = factors.shape[1]
    book = keras.Input((), name="book", dtype="string")
    known = np.unique(train.book)
    rows = np.concatenate([np.zeros((1, size)), factors[known]])
    embedded = _embedding(book, np.char.mod("%d", known).tolist(), rows)
    if dropout:
        embedded = keras.layers.Dropout(dropout, noise_shape=(None, 1), seed=seed)(embedded)
    inputs, parts, others = {"book": book}, [embedded], []
    for number, (name, values) in enumerate(features.items()):
        inputs[name] = x = keras.Input((), name=name, dtype="string")
        if used is not None and name not in used:
            continue
        names, counts = np.unique(values[known].astype(str), return_counts=True)
        names = names[(counts > 1) & (names != "")].tolist()
        random = np.random.default_rng([seed, number])

        def rows(count, width, scale, random=random):
            found = random.normal(0, scale, (count + 1, width))
            found[0] = 0.0  # whatever has no row of its own
            return found

        parts.append(_embedding(x, names, rows(len(names), size, 0.01)))
        if name in apart:
            others.append(_embedding(x, names, rows(len(names), width, scale)))
    outputs = keras.layers.Add()(parts) if len(parts) > 1 else embedded
    if others:
        outputs = keras.layers.Concatenate()([outputs, *others])
    return keras.Model(inputs, outputs, name="item_network")


def _embedding(x, names, rows):
    lookup = keras.layers.StringLookup(vocabulary=names)
    layer = keras.layers.Embedding(len(rows), rows.shape[1])
    embedded = layer(lookup(x))
    layer.set_weights([rows])
    return embedded
