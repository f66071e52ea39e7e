"""One of two workers that train together, the second of which may die.

    python -m tests.callbacks.worker_run FOLDER DIES_AT

The second worker kills itself at step DIES_AT of the run (never, if negative). Each writes
FOLDER/result-<worker>.npz at the end.
"""

import os
import pathlib
import signal
import sys

import keras
import numpy as np
import tensorflow as tf

import keras_meta
from tests.callbacks import killed_run


class Die(keras.callbacks.Callback):
    """Kills the process in the middle of an epoch."""

    def __init__(self, resume, step):
        super().__init__()
        self.resume, self.step = resume, step

    def on_train_batch_begin(self, batch, logs=None):
        if self.resume.step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    folder, dies_at = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    worker = strategy.cluster_resolver.task_id
    with strategy.scope():
        learner = killed_run.build(accumulated=None)  # unsupported by Keras under a strategy
    resume = keras_meta.callbacks.ExactResume(folder / "checkpoints", save_every=2)
    waves = keras_meta.episodes.Sinusoid(num_shots=3, num_queries=4)
    history = learner.fit(
        strategy.distribute_datasets_from_function(
            lambda context: waves.as_dataset(4, start=resume.step, input_context=context)
        ),
        steps_per_epoch=5,
        initial_epoch=resume.epoch,
        epochs=2,
        callbacks=[resume, Die(resume, dies_at if worker else -1)],
        shuffle=False,
        verbose=0,
    )
    result = {f"{i}": v.value for i, v in enumerate(learner.variables)}
    np.savez(folder / f"result-{worker}.npz", **result, **history.history)
