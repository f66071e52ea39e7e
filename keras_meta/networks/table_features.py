"""The columns of a table as vectors, without weights."""

import keras

from keras_meta.episodes.table_columns import Numbers
from keras_meta.episodes.table_tensors import feature_name, present_name
from keras_meta.networks.table_network import standardization, vocabulary


def table_features(tasks, most_categories=20):
    """A network without weights: numbers are standardised, few categories become one-hot vectors.

    A missing number is the mean. A category that was not seen in training is one of its own.

    Args:
        tasks: `episodes.GroupedEpisodes` of the training groups.
        most_categories: int. Columns with more categories are left out.

    Returns:
        A functional `keras.Model` from a dict of columns `[n]` to vectors `[n, features]`; or
        `None` if no column is left.

    Example:

    ```python
    import numpy as np
    import keras_meta

    rows = {"site": np.repeat(np.arange(30), 6), "soil": ["sand", "clay", "peat"] * 60}
    rows["yield"] = rows["heat"] = np.tile(np.arange(6.0), 30)
    tasks = keras_meta.episodes.from_groups(rows, task="site", y="yield", num_support=3)
    features = keras_meta.networks.table_features(tasks)
    assert features({"soil": np.array(["clay"]), "heat": np.array([2.5])}).shape == (1, 5)
    ```
    """
    inputs, features, unused = {}, [], []
    for column, values in tasks.table.x.items():
        name = feature_name(column)
        if isinstance(values, Numbers):
            inputs[name] = x = keras.Input((), name=name)
            mean, scale = standardization(values.values)
            x = keras.layers.Rescaling(1 / scale, -mean / scale)(keras.layers.Reshape((1,))(x))
            if tasks.missing == "mask":
                name = present_name(column)
                present = inputs[name] = keras.Input((), name=name)
                x = keras.layers.Multiply()([x, keras.layers.Reshape((1,))(present)])
            features.append(x)
            continue
        inputs[name] = x = keras.Input((), name=name, dtype="string")
        known = vocabulary(values)
        if 0 < len(known) <= most_categories:
            lookup = keras.layers.StringLookup(vocabulary=known, output_mode="one_hot")
            features.append(lookup(x))
        else:
            unused.append(x)
    if not features:
        return None
    # Not all versions of Keras take an input on which nothing depends.
    features += [_no_features(x) for x in unused]
    x = keras.layers.Concatenate()(features) if len(features) > 1 else features[0]
    return keras.Model(inputs, x, name="table_features")


def _no_features(strings):
    """Returns zero features `[n, 0]` of strings `[n]`."""
    numbers = keras.layers.Reshape((1,))(keras.layers.Hashing(1)(strings))
    return keras.ops.cast(numbers, keras.config.floatx())[:, :0]
