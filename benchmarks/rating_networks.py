"""Networks of a book: an embedding that starts from factors of training users, and its features."""

import keras
import numpy as np
import tensorflow as tf

import keras_meta


def tasks(train, features, num_support, num_queries, seed=0):
    """Training users as tasks, of fixed size.

    Args:
        train: `Ratings`.
        features: dict, name to array `[books]` of strs.
        num_support: int.
        num_queries: int.
        seed: int. Seed of the episodes.

    Returns:
        `episodes.GroupedEpisodes`.
    """
    counts = np.bincount(train.user)[train.user]
    train = train.rows(counts >= num_support + num_queries)
    table = {"user": train.user, "rating": train.value, **columns(train.book, features)}
    return keras_meta.episodes.from_groups(
        table,
        task="user",
        y="rating",
        categories=["book", *features],
        missing="mask",
        num_support=num_support,
        num_queries=num_queries,
        seed=seed,
    )


def columns(book, features):
    """The columns of books by number, a dict of arrays of the shape of `book`."""
    return {
        "book": np.char.mod("%d", book),
        **{name: values[book] for name, values in features.items()},
    }


def tensors(book, features):
    """The columns of books by number, a dict of string tensors."""
    return {
        name: tf.constant(np.asarray(values, str))
        for name, values in columns(book, features).items()
    }


def mixed_sizes(train, features, sizes, num_queries, batch_size, seed=0):
    """A stream of meta-batches, each of which has one of several numbers of known ratings."""
    streams = [
        tasks(train, features, size, num_queries, seed * 10 + number).as_dataset(batch_size)
        for number, size in enumerate(sizes)
    ]
    return tf.data.Dataset.choose_from_datasets(
        streams, tf.data.Dataset.range(len(streams)).repeat()
    )


def item_network(train, features, factors, dropout=0.3, apart=(), width=32, scale=0.25, seed=0):
    """Embeds a book: its row of a matrix and the rows of its features, summed, and some apart.

        f(x) = [D E[book] + sum over features c of E_c[x_c],  A_a[x_a] for each a in `apart`]

    With probability `dropout` a training step does not see which book it is, so that features learn
    to speak for books that nobody has rated. Rows of `A` start as random vectors, different ones of
    which are nearly orthogonal: two books of the same series are alike, whatever else they are.

    Args:
        train: `Ratings`, which tell the categories that are frequent enough to have a row.
        features: dict, name to array `[books]` of strs; may be empty.
        factors: Array `[books, size]`, the rows that books start from.
        dropout: float.
        apart: Names of features.
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
