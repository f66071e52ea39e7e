"""The weights of the best epochs of a run."""

import json
import pathlib

import keras

from keras_meta.callbacks.checkpoint_file import replaced_when_complete


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights of the epochs that were best by a validation metric.

    They are files `epoch-<n>.weights.h5` in a folder, beside `best.json` with the values of the
    metric. A run that `ExactResume` resumes finds those of before. See `learners.Ensemble`.

    Args:
        folder: Path of the folder, which belongs to this run alone.
        monitor: str. The metric, by its name in the logs.
        keep: int. Number of epochs to keep.
        mode: `"max"` if larger values are better, or `"min"`.
        model: A `keras.Model` whose weights to keep. Defaults to the one that is fitted.

    Attributes:
        files: List of the paths of the files, the best one first.

    Raises:
        ValueError: If an argument is invalid, or the logs of an epoch lack the metric.

    Example:

    ```python
    import keras_meta

    learner = keras_meta.learners.MAML(keras_meta.networks.SinusoidMLP(), 0.01)
    learner.compile("adam", "mse")
    waves = keras_meta.episodes.Sinusoid(num_shots=5)
    best = keras_meta.callbacks.BestWeights("best", monitor="val_loss", mode="min", keep=1)
    learner.fit(
        waves.as_dataset(4),
        steps_per_epoch=1,
        epochs=2,
        validation_data=waves.as_dataset(4, num_batches=1),
        callbacks=[best],
        verbose=0,
    )
    learner.load_weights(best.files[0])
    ```
    """

    def __init__(self, folder, monitor="val_accuracy", keep=5, mode="max", model=None):
        super().__init__()
        if mode not in ("max", "min") or keep < 1:
            raise ValueError(
                '`mode` must be "max" or "min", and `keep` at least 1. '
                f"Received: mode={mode!r}, keep={keep}."
            )
        self.folder = pathlib.Path(folder)
        self.monitor = monitor
        self.keep = keep
        self.sign = 1.0 if mode == "max" else -1.0
        self.of = model

    @property
    def files(self):
        """List of the paths of the files, the best one first."""
        return [self._file(epoch) for epoch in self._sorted(self._values())]

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor not in (logs or {}):
            raise ValueError(
                "`monitor` must be a metric of each epoch. Pass `validation_data`, or list "
                f"`Validation` before. Received: monitor={self.monitor!r}, with logs of "
                f"{sorted(logs or {})}."
            )
        # Epochs that a killed run had done already come again, with the same values.
        values = {key: x for key, x in self._values().items() if key < epoch}
        values[epoch] = float(logs[self.monitor])
        kept = self._sorted(values)[: self.keep]
        if epoch in kept:
            self.folder.mkdir(parents=True, exist_ok=True)
            model = self.model if self.of is None else self.of
            temporary = self.folder / "incomplete.weights.h5"
            model.save_weights(temporary)
            temporary.replace(self._file(epoch))
        with replaced_when_complete(self.folder / "best.json") as temporary:
            temporary.write_text(json.dumps({key: values[key] for key in kept}))
        for file in set(self.folder.glob("epoch-*.weights.h5")) - set(map(self._file, kept)):
            file.unlink()

    def _values(self):
        """Returns a dict, epoch to value."""
        file = self.folder / "best.json"
        if not file.is_file():
            return {}
        return {int(key): value for key, value in json.loads(file.read_text()).items()}

    def _sorted(self, values):
        """Returns the epochs from the best to the worst; of equals, the first."""
        return sorted(values, key=lambda epoch: (-self.sign * values[epoch], epoch))

    def _file(self, epoch):
        return self.folder / f"epoch-{epoch + 1:06d}.weights.h5"
