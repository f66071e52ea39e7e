"""A network for the columns of a table: numbers are standardised, categories embedded."""

import keras
import numpy as np

from keras_meta.episodes.table_columns import Numbers
from keras_meta.episodes.table_tensors import feature_name, present_name


def table_network(
    tasks,
    units=(64, 64),
    activation="relu",
    category_units=16,
    least_count=2,
    num_outputs=1,
    own_statistics=False,
    seed=0,
):
    """A network that takes the columns of a table as they are.

    With means `m` and standard deviations `s` of the training rows, numbers become `(x - m) / s`;
    the category number `c` becomes row `c` of a learned matrix, in which row 0, initially zero, is
    that of all categories which are rarer than `least_count` or unseen. Dense layers follow, and a
    linear one in units of the target,

        y = m_y + s_y (W h + b)

    What was fitted to the training rows is saved and exported with the network, which takes numbers
    and strings.

    Args:
        tasks: `episodes.GroupedEpisodes` of the training groups.
        units: Sequence of ints, the widths of the hidden layers.
        activation: str, the activation of the hidden layers.
        category_units: int. The largest length of the vector of a category; columns with few
            categories get shorter ones.
        least_count: int. The number of rows from which on a category has a vector of its own.
        num_outputs: 1, or `None` for the embedding `h` alone.
        own_statistics: bool. Whether standardised numbers are standardised again by the support set
            of each task, with a learner of `batch_norm="support"`: `(x - m) / sqrt(v + 0.1)`.
        seed: int. Seed of the initial weights.

    Returns:
        A functional `keras.Model` from a dict of columns `[n]` to values `[n, 1]`, or to embeddings
        `[n, units[-1]]`.

    Example:

    ```python
    import numpy as np
    import keras_meta

    rows = {"site": np.repeat(np.arange(30), 6), "soil": ["sand", "clay", "peat"] * 60}
    rows["yield"] = np.repeat(np.random.default_rng(0).normal(5.0, 2.0, 30), 6)
    tasks = keras_meta.episodes.from_groups(rows, task="site", y="yield", num_support=3)
    network = keras_meta.networks.table_network(tasks, units=(8,))
    assert network({"soil": np.array(["clay", "never seen"])}).shape == (2, 1)
    ```
    """
    inputs, features = {}, []
    for number, (column, values) in enumerate(tasks.table.x.items()):
        name = feature_name(column)
        if isinstance(values, Numbers):
            mean, scale = standardization(values.values)
            inputs[name] = x = keras.Input((), name=name)
            features.append(_standardized(x, mean, scale, f"standardize_{number}"))
            if own_statistics:
                own = keras.layers.BatchNormalization(center=False, scale=False, epsilon=0.1)
                features[-1] = own(features[-1])
            if tasks.missing == "mask":
                name = present_name(column)
                inputs[name] = x = keras.Input((), name=name)
                present = keras.layers.Reshape((1,))(x)
                # A missing number counts as the mean.
                features[-1] = keras.layers.Multiply()([features[-1], present])
                features.append(present)
        else:
            inputs[name] = x = keras.Input((), name=name, dtype="string")
            known = vocabulary(values, least_count)
            size = min(category_units, len(known) // 2 + 1)
            features.append(_embedded(x, known, size, [seed, number], f"{number}"))
    h = keras.layers.Concatenate()(features) if len(features) > 1 else features[0]
    for number, width in enumerate(units):
        initializer = keras.initializers.GlorotUniform(seed=seed + number)
        h = keras.layers.Dense(width, activation, kernel_initializer=initializer)(h)
    if num_outputs is not None:
        initializer = keras.initializers.GlorotUniform(seed=seed + len(units))
        h = keras.layers.Dense(num_outputs, kernel_initializer=initializer)(h)
        mean, scale = standardization(tasks.table.y)
        h = keras.layers.Rescaling(scale, mean, name="units_of_target")(h)
    return keras.Model(inputs, h, name="table_network")


def standardization(values):
    """Returns the mean and the standard deviation of numbers, some of which may be NaN.

    Where there are none, they are 0 and 1, and the standard deviation of a constant is 1.

    Args:
        values: Array `[n]`.
    """
    values = values[~np.isnan(values)]
    if not len(values):
        return 0.0, 1.0
    mean, scale = float(values.mean()), float(values.std())
    # Rounding leaves a constant with a standard deviation that is not zero.
    return mean, scale if scale > 1e-9 * abs(mean) else 1.0


def vocabulary(categories, least_count=1):
    """Returns the names that are frequent enough, the most frequent first.

    Args:
        categories: `Categories`.
        least_count: int.

    Returns:
        List of strs.
    """
    counts = np.bincount(categories.numbers, minlength=len(categories.names))
    known = [
        (-count, name)
        for name, count in zip(categories.names, counts.tolist(), strict=True)
        if name and count >= least_count
    ]
    return [name for _, name in sorted(known)]


def _standardized(x, mean, scale, name):
    x = keras.layers.Reshape((1,))(x)
    return keras.layers.Rescaling(1 / scale, -mean / scale, name=name)(x)


def _embedded(x, known, size, seed, name):
    table = np.random.default_rng(seed).uniform(-0.05, 0.05, (len(known) + 1, size))
    table[0] = 0.0
    # A lookup needs one name, and columns may have none that is frequent.
    lookup = keras.layers.StringLookup(vocabulary=known or [""], name=f"lookup_{name}")
    embedding = keras.layers.Embedding(len(known or [""]) + 1, size, name=f"embedding_{name}")
    embedded = embedding(lookup(x))
    embedding.set_weights([table if known else np.zeros([2, size])])
    return embedded
