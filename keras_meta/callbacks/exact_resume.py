"""Exact resumption of a run of `fit` that was killed."""

import pathlib

import keras
import tensorflow as tf

from keras_meta.callbacks import callback_state, checkpoint_file


class ExactResume(keras.callbacks.Callback):
    """Resumes a killed run of `fit` so that it ends bit for bit like an uninterrupted one.

    Every `save_every` steps, and between epochs, it saves the weights, the state of the optimizer,
    the metrics of the epoch so far, the history and the position in the run. When the program is
    started again, the callback reads the last checkpoint, and `fit` continues from its position,
    even in the middle of an epoch:

        resume = ExactResume(folder)
        learner.fit(tasks.as_dataset(batch_size, start=resume.step), initial_epoch=resume.epoch,
                    callbacks=[resume, ...], ...)

    Checkpoints are written atomically. The last two are kept, and a damaged one is skipped with a
    warning. The workers of a distributed run share the folder, and the first of them writes to it.

    Results are identical under these conditions: the program, the data and the versions are the
    same, on the same kind of machine with the same number of threads (TensorFlow's operations on a
    CPU are then deterministic, and the loop over tasks sums them in order); the training data can
    be positioned with `start`, as those of `TaskDistribution.as_dataset` can; and all noise comes
    from layers of the model. It does not restore files that other callbacks have written, or the
    state of random generators that the program itself uses (Python's, NumPy's, TensorFlow's global
    one). In the epoch in which a run continues, callbacks receive batch numbers that start at 0.

    Args:
        folder: Path of the folder of checkpoints, which belongs to this run alone.
        save_every: int. Number of steps between checkpoints within an epoch, or `None` for none.
        callbacks: Callbacks of the same `fit` to save and restore, such as `EarlyStopping`. Those
            of their attributes are restored that are numbers, strings, lists or dicts of these, or
            lists of arrays, if they have changed since the start of the run.

    Attributes:
        step: int. Number of batches that the run has consumed.
        epoch: int. Number of the current epoch.
        batch: int. Number of batches of that epoch that the run has consumed.

    Raises:
        ValueError: If `save_every` is invalid, or all checkpoints are damaged.

    Example:

    ```python
    import keras
    import keras_meta

    learner = keras_meta.learners.MAML(keras_meta.networks.SinusoidMLP(), 0.01)
    learner.compile("adam", "mse")
    waves = keras_meta.episodes.Sinusoid(num_shots=5)
    resume = keras_meta.callbacks.ExactResume("checkpoints", save_every=2)
    learner.fit(
        waves.as_dataset(4, start=resume.step),
        steps_per_epoch=3,
        initial_epoch=resume.epoch,
        epochs=2,
        callbacks=[resume],
        verbose=0,
    )
    assert keras_meta.callbacks.ExactResume("checkpoints").step == 6
    ```
    """

    def __init__(self, folder, save_every=100, callbacks=()):
        super().__init__()
        if save_every is not None and (not isinstance(save_every, int) or save_every < 1):
            raise ValueError(
                "`save_every` must be a positive integer or None. "
                f"Received: save_every={save_every!r}."
            )
        self.folder = pathlib.Path(folder)
        self.save_every = save_every
        self.callbacks = list(callbacks)
        self.step = self.epoch = self.batch = 0
        # Batches of this epoch that were consumed before the restart, and whether this callback
        # ended the epoch early because of them.
        self._skipped, self._cut = 0, False
        # The checkpoint that has yet to be restored, and the step of the newest one in the folder.
        self._pending = checkpoint_file.read_newest(self.folder)
        self._saved = None
        if self._pending is not None:
            self._saved = self.step = self._pending.step
            self.epoch = self._pending.values["epoch"]
            self.batch = self._pending.values["batch"]

    # First in the list of callbacks, it runs when all others have finished the previous batch or
    # epoch and none has started the next.

    def on_train_begin(self, logs=None):
        if self.params.get("steps") is None:
            raise ValueError(
                "`ExactResume` must know the length of an epoch to resume within it. Pass "
                "`steps_per_epoch` to `fit`. Received: steps_per_epoch=None."
            )
        self._initial = None
        if self._pending is not None:
            self._restore_learner()

    def on_epoch_begin(self, epoch, logs=None):
        if self._initial is None:
            self._begin(epoch)
        if self._pending is None:
            self._save()
        elif self.batch == 0:
            self._restore_callbacks()

    def on_train_batch_begin(self, batch, logs=None):
        if self._pending is not None:
            # A second time, because Keras has started the epoch anew: a schedule has set the
            # learning rate, and the metrics have been reset.
            self._restore_learner()
            self._restore_callbacks()
        elif self.save_every is not None and self.step - self._saved >= self.save_every:
            self._save()

    def on_train_batch_end(self, batch, logs=None):
        done = self._skipped + batch + 1
        self.step += done - self.batch
        self.batch = done
        if self._skipped and done >= self.params["steps"] and not self.model.stop_training:
            self.model.stop_training = self._cut = True

    def on_epoch_end(self, epoch, logs=None):
        if self._cut:
            self.model.stop_training = self._cut = False
        self.epoch, self.batch, self._skipped = epoch + 1, 0, 0

    def on_train_end(self, logs=None):
        if self._pending is not None:
            self._restore_callbacks()  # The run had already finished.
        elif not self.model.stop_training:
            # A run that another callback stops is not saved here: resumed from the checkpoint
            # before, it stops again.
            self._save()

    # Parts.

    def _begin(self, epoch):
        if self.step == 0 and self._pending is None:
            self.epoch = epoch
        if epoch != self.epoch:
            raise ValueError(
                "`fit` must start at the saved position. Pass `initial_epoch=resume.epoch` and "
                "data with `start=resume.step`, or use another folder for a new run. "
                f"Received: initial_epoch={epoch}, for a run in epoch {self.epoch}."
            )
        self._initial = [callback_state.read(c)[0] for c in self._followed()]

    def _followed(self):
        """Returns the callbacks to save, the last of which is the history that `fit` keeps."""
        return [*self.callbacks, self.model.history]

    def _variables(self):
        """Returns the variables to save, by name: between epochs, without those of the metrics."""
        learner = self.model
        groups = {"model": learner.variables, "optimizer": learner.optimizer.variables}
        if self.batch:
            groups["metrics"] = learner.metrics_variables
        return {f"{key}/{i}": v for key, group in groups.items() for i, v in enumerate(group)}

    def _save(self):
        if self._saved == self.step:
            return
        # In this scope, the values of metrics are summed over the replicas.
        with self.model.distribute_strategy.scope():
            arrays = {
                name: tf.convert_to_tensor(variable.value).numpy()
                for name, variable in self._variables().items()
            }
        states = []
        for number, callback in enumerate(self._followed()):
            values, lists = callback_state.read(callback)
            initial = self._initial[number]
            states.append({k: v for k, v in values.items() if initial.get(k) != v})
            for name, items in lists.items():
                arrays.update({f"callback/{number}/{name}/{i}": x for i, x in enumerate(items)})
        values = {"epoch": self.epoch, "batch": self.batch, "callbacks": states}
        if _is_first_worker(self.model.distribute_strategy):
            checkpoint = checkpoint_file.Checkpoint(self.step, arrays, values)
            checkpoint_file.write(self.folder, checkpoint, keep=self._saved)
        self._saved = self.step

    def _restore_learner(self):
        with self.model.distribute_strategy.scope():
            self._assign(self._variables())
        self._skipped = self.batch

    def _assign(self, variables):
        saved = {k: v for k, v in self._pending.arrays.items() if not k.startswith("callback/")}
        if {k: v.shape for k, v in saved.items()} != {k: v.shape for k, v in variables.items()}:
            raise ValueError(
                "The checkpoint belongs to another learner, optimizer or list of metrics. Build "
                "them as in the run that wrote it, or choose another folder. "
                f"Received: {self.folder}, step {self.step}."
            )
        for name, variable in variables.items():
            value = saved[name]
            if value.dtype.kind == "V":  # NumPy reads bfloat16 from a file as raw bytes
                value = value.view(tf.as_dtype(variable.dtype).as_numpy_dtype)
            variable.assign(value)

    def _restore_callbacks(self):
        lists = [{} for _ in self._followed()]
        for key, array in self._pending.arrays.items():
            if key.startswith("callback/"):
                _, number, name, _ = key.split("/")
                lists[int(number)].setdefault(name, []).append(array)
        states = self._pending.values["callbacks"]
        if len(states) != len(lists):
            raise ValueError(
                "`callbacks` must have the same length as in the run that wrote the checkpoint. "
                f"Received: {len(lists) - 1} callbacks, for a checkpoint of {len(states) - 1}."
            )
        for callback, values, arrays in zip(self._followed(), states, lists, strict=True):
            callback_state.write(callback, values, arrays)
        self._pending = None


def _is_first_worker(strategy):
    """Whether this process is the only one or, of several, the one that writes."""
    resolver = strategy.cluster_resolver
    if not resolver or not resolver.cluster_spec().jobs:
        return True
    chief = "chief" if "chief" in resolver.cluster_spec().jobs else "worker"
    return resolver.task_type == chief and resolver.task_id == 0
