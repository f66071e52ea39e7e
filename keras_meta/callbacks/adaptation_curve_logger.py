"""Logging of the adaptation curve during training."""

import pathlib

import keras

from keras_meta import plotting
from keras_meta.metrics.adaptation_curve import adaptation_curve
from keras_meta.metrics.task_metrics import resolve_metric


class AdaptationCurveLogger(keras.callbacks.Callback):
    """Evaluates a learner after every inner step during training, and logs and plots the result.

    After the first epoch of a run, and after every `frequency` epochs from then on, the mean over
    tasks after each number of inner steps is added to the logs: `val_accuracy_after_0_steps`, ...
    The `History` that `fit` returns contains these values. Callbacks run in the order in which they
    are listed, so those that use the values, such as `CSVLogger`, `TensorBoard`, `ModelCheckpoint`
    or `EarlyStopping`, must come after this one. After an epoch without an evaluation the values
    are missing from the logs: `CSVLogger` writes `NA`, and `EarlyStopping` warns and ignores the
    epoch.

    Args:
        episodes: Finite dataset of episodes, which must be the same on every pass.
        metric: `"accuracy"`, `"mse"` or a callable, as in `metrics.adaptation_curve`.
        steps: int. Number of inner steps. Defaults to the learner's number at evaluation.
        frequency: int. Number of epochs from one evaluation to the next.
        filepath: File for a plot of the first and the latest curve, or `None` for no plot. If it
            contains `{epoch}`, which stands for the number of the epoch, counted from 1, each
            evaluation has its own file; otherwise the file is overwritten.

    Raises:
        ValueError: If an argument is invalid.
        ImportError: If `filepath` is given and matplotlib is not installed.

    Example:

    ```python
    import keras
    import keras_meta

    waves = keras_meta.episodes.Sinusoid(num_shots=5)
    learner = keras_meta.learners.MAML(keras_meta.networks.SinusoidMLP(), 0.01, inner_steps=2)
    learner.compile("adam", "mse")
    curve = keras_meta.callbacks.AdaptationCurveLogger(
        waves.as_dataset(25, num_batches=2), metric="mse", filepath="curve.png"
    )
    early_stopping = keras.callbacks.EarlyStopping("val_mse_after_2_steps", mode="min", patience=5)
    learner.fit(
        waves.as_dataset(25),
        steps_per_epoch=5,
        epochs=2,
        verbose=0,
        callbacks=[curve, early_stopping],  # in this order
    )
    ```
    """

    def __init__(self, episodes, metric="accuracy", steps=None, frequency=1, filepath=None):
        super().__init__()
        resolve_metric(metric)
        if isinstance(frequency, bool) or not isinstance(frequency, int) or frequency < 1:
            raise ValueError(
                f"`frequency` must be a positive integer. Received: frequency={frequency!r}."
            )
        if filepath is not None:
            plotting.figure((1, 1))  # if matplotlib is missing, fail now and not after an epoch
        self.episodes = episodes
        self.metric = metric
        self.steps = steps
        self.frequency = frequency
        self.filepath = filepath

    def on_train_begin(self, logs=None):
        self.curves = {}

    def on_epoch_end(self, epoch, logs=None):
        if self.curves and (epoch - min(self.curves)) % self.frequency:
            return
        curve = adaptation_curve(self.model, self.episodes, self.metric, self.steps)
        first = min(self.curves, default=epoch)
        self.curves = {first: self.curves.get(first, curve), epoch: curve}
        if logs is not None:
            for step, mean in enumerate(curve.mean):
                logs[f"val_{curve.metric}_after_{step}_steps"] = float(mean)
        if self.filepath is not None:
            self._write_plot(epoch)

    def _write_plot(self, epoch):
        lines = {
            f"epoch {number + 1}": (range(curve.values.shape[1]), curve.values)
            for number, curve in self.curves.items()
        }
        drawing = plotting.adaptation(lines, metric=self.curves[epoch].metric)
        path = pathlib.Path(str(self.filepath).format(epoch=epoch + 1))
        path.parent.mkdir(parents=True, exist_ok=True)
        drawing.savefig(path)
