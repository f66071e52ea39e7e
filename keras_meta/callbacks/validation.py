"""Several kinds of validation episodes in one run of `fit`."""

import keras


class Validation(keras.callbacks.Callback):
    """Evaluates on named datasets after each epoch.

    The values of a dataset appear among those of the epoch as `val_<name>_<metric>`, for the
    callbacks behind this one: place it first (behind `ExactResume`). `EarlyStopping`,
    `ModelCheckpoint` and the like can then monitor `"val_1-shot_accuracy"`, with an explicit
    `mode`. A learner takes episodes of any number of shots and queries.

    Args:
        datasets: dict, name to finite dataset of episodes.
        frequency: int. Evaluates after every so many epochs.

    Raises:
        ValueError: If there is no dataset, or one is infinite.

    Example:

    ```python
    import keras_meta

    learner = keras_meta.learners.MAML(keras_meta.networks.SinusoidMLP(), 0.01)
    learner.compile("adam", "mse")

    def waves(shots):
        return keras_meta.episodes.Sinusoid(num_shots=shots)

    validation = keras_meta.callbacks.Validation(
        {f"{shots}-shot": waves(shots).as_dataset(4, num_batches=2) for shots in (5, 10)}
    )
    training = waves(10).as_dataset(4)
    history = learner.fit(training, steps_per_epoch=2, callbacks=[validation], verbose=0)
    assert {"val_5-shot_loss", "val_10-shot_loss"} <= history.history.keys()
    ```
    """

    def __init__(self, datasets, frequency=1):
        super().__init__()
        if not datasets or not isinstance(datasets, dict):
            raise ValueError(
                "`datasets` must be a dict, name to finite dataset of episodes. "
                f"Received: datasets={datasets!r}."
            )
        for name, dataset in datasets.items():
            if dataset.cardinality() == -1:
                raise ValueError(
                    "A dataset to validate on must end. Pass `num_batches` to `as_dataset`. "
                    f"Received: an infinite dataset {name!r}."
                )
        self.datasets = dict(datasets)
        self.frequency = frequency

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.frequency:
            return
        for name, dataset in self.datasets.items():
            values = self.model.evaluate(dataset, verbose=0, return_dict=True)
            logs.update({f"val_{name}_{metric}": value for metric, value in values.items()})
