"""Training of one model for all tasks of a table, without episodes."""

import keras
import tensorflow as tf

from keras_meta.exact.copying import clone


def train_pooled_model(
    model,
    tasks,
    validation,
    loss="mse",
    optimizer="adam",
    batch_size=256,
    steps_per_epoch=100,
    epochs=30,
    patience=3,
    seed=0,
):
    """Trains a copy of a model on the rows of all training groups, as if there were no groups.

    It stops when the loss on the rows of the validation groups has not fallen for `patience`
    epochs, and returns the best weights.

    Args:
        model: A built `keras.Model` from examples `[n, ...]` to values `[n, 1]`, such as
            `networks.table_network`.
        tasks: `episodes.GroupedEpisodes` of the training groups.
        validation: `episodes.GroupedEpisodes` of the validation groups.
        loss: See `keras.Model.compile`.
        optimizer: See `keras.Model.compile`.
        batch_size: int. Rows of a step.
        steps_per_epoch: int.
        epochs: int. The largest number.
        patience: int.
        seed: int. The order of the rows is a function of it.

    Returns:
        A `keras.Model`.

    Example:

    ```python
    import numpy as np
    import keras_meta

    rows = {"site": np.repeat(np.arange(30), 6), "heat": np.tile(np.arange(6.0), 30)}
    rows["yield"] = rows["heat"] + np.repeat(np.random.default_rng(0).normal(size=30), 6)
    tasks = keras_meta.episodes.from_groups(rows, task="site", y="yield", num_support=3)
    train, validation, _ = tasks.split()
    network = keras_meta.networks.table_network(train, units=(8,))
    pooled = keras_meta.baselines.train_pooled_model(network, train, validation, epochs=1)
    ```
    """
    copy = clone(model)
    copy.compile(optimizer, loss)
    number = len(tasks.table.y)

    def batch(step):
        numbers = tf.random.stateless_uniform(
            [batch_size], tf.stack([tf.cast(seed, tf.int64), step]), 0, number, tf.int64
        )
        return tasks.examples(numbers)

    # The autotuning thread can keep the end of `fit` waiting: see `TaskDistribution.as_dataset`.
    options = tf.data.Options()
    options.autotune.enabled = False
    rows = tf.data.Dataset.range(len(validation.table.y)).batch(8 * batch_size)
    copy.fit(
        tf.data.Dataset.counter().map(batch).prefetch(2).with_options(options),
        steps_per_epoch=steps_per_epoch,
        epochs=epochs,
        validation_data=rows.map(validation.examples).with_options(options),
        callbacks=[keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True)],
        shuffle=False,
        verbose=0,
    )
    return copy
