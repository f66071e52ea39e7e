"""Runs `fit` in one process, and in processes that are killed one after the other but the last.

    python -m tests.callbacks.killed_run FOLDER KILL KILL ...

writes FOLDER/whole/result.npz and FOLDER/parts/result.npz. A KILL is either the number of a step,
after the start of which the parent process sends SIGKILL, or `write:N`: the process kills itself
while it writes the first checkpoint from step N on, before that file gets its name.
"""

import json
import os
import pathlib
import random
import signal
import sys
import time
import traceback

import keras
import numpy as np

import keras_meta

STEPS, EPOCHS = 10, 4


def build(accumulated=3):
    layers = keras.layers
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((1,)),
            layers.Dense(8, "tanh"),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(1),
        ]
    )
    learner = keras_meta.learners.MAML(model, 0.01, batch_norm="running")
    optimizer = keras.optimizers.Adam(
        1e-2, global_clipnorm=1.0, use_ema=True, gradient_accumulation_steps=accumulated
    )
    learner.compile(optimizer, "mse", metrics=["mae"])
    return learner


class Steps(keras.callbacks.Callback):
    """Reports the current step to the parent process through a pipe."""

    def __init__(self, pipe, resume, at_write):
        super().__init__()
        self.pipe, self.resume, self.at_write = pipe, resume, at_write

    def on_train_batch_begin(self, batch, logs=None):
        os.write(self.pipe, f"{self.resume.step}\n".encode())
        if self.at_write is not None and self.resume.step >= self.at_write:
            os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)


def run(folder, pipe, at_write):
    learner = build()
    tasks = keras_meta.episodes.Sinusoid(num_shots=3, num_queries=4)
    # Keras sets the sign of `min_delta` when it first reads the metric.
    stopping = keras.callbacks.EarlyStopping(
        "val_mae", min_delta=0.01, mode="min", patience=30, restore_best_weights=True
    )
    plateau = keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=10.0)
    resume = keras_meta.callbacks.ExactResume(folder, save_every=4, callbacks=[stopping, plateau])
    callbacks = [
        resume,
        Steps(pipe, resume, at_write),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        stopping,
        plateau,
    ]
    history = learner.fit(
        tasks.as_dataset(2, start=resume.step),
        steps_per_epoch=STEPS,
        initial_epoch=resume.epoch,
        epochs=EPOCHS,
        validation_data=tasks.as_dataset(2, num_batches=2),
        callbacks=callbacks,
        verbose=0,
    )
    result = {
        **{f"model/{i}": v for i, v in enumerate(learner.variables)},
        **{f"optimizer/{i}": v for i, v in enumerate(learner.optimizer.variables)},
        **{f"best/{i}": v for i, v in enumerate(stopping.best_weights)},
        **{f"history/{k}": v for k, v in history.history.items()},
        "epoch": history.epoch,
        "stopping": [stopping.best, stopping.wait],
        "plateau": [plateau.best, plateau.wait],
    }
    np.savez(folder / "result.npz", **{k: np.asarray(v) for k, v in result.items()})


def attempt(folder, kill):
    """Forks a run before TensorFlow starts in this process, and kills it."""
    at_write = int(kill[6:]) if kill and kill.startswith("write:") else None
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            run(folder, writer, at_write)
            code = 0
        except BaseException:
            traceback.print_exc()
            code = 1
        os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as lines:
        for line in lines:
            if kill and at_write is None and int(line) >= int(kill):
                time.sleep(random.uniform(0, 0.01))  # anywhere in the step, or after it
                os.kill(child, signal.SIGKILL)
                break
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    folder, kills = pathlib.Path(sys.argv[1]), sys.argv[2:]
    for name in ("whole", "parts"):
        (folder / name).mkdir()
    attempt(folder / "whole", None)
    codes = [attempt(folder / "parts", kill) for kill in [*kills, None]]
    print(json.dumps(codes))
