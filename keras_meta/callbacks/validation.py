"""Validation on several kinds of episodes in one run of `fit`."""

import keras


class Validation(keras.callbacks.Callback):
    """Evaluates a learner on several named datasets after each epoch.

    The results are added to the logs of the epoch as `val_<name>_<metric>`, where the callbacks
    after this one find them: list it first, or right after `ExactResume`. Callbacks such as
    `EarlyStopping` and `ModelCheckpoint` can then monitor, for example, `"val_1-shot_accuracy"`,
    with an explicit `mode`. The datasets may differ in the numbers of shots and queries.

    Args:
        datasets: dict, name to finite dataset of episodes.
        frequency: int. Number of epochs from one evaluation to the next.

    Raises:
        ValueError: If there is no dataset, or a dataset is infinite.

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
                    "A validation dataset must be finite. Pass `num_batches` to `as_dataset`. "
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
