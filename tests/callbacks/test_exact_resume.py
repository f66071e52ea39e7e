"""Runs that are killed end as runs that are not."""

import json
import os
import pathlib
import random
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_meta
from keras_meta.callbacks import ExactResume
from tests.callbacks import killed_run

ROOT = pathlib.Path(__file__).parents[2]
LAST_STEP = killed_run.STEPS * killed_run.EPOCHS


def killed(folder, *kills):
    """Runs without and with these kills; returns both results, and the exit codes of the second."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.callbacks.killed_run", folder, *map(str, kills)],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    results = []
    for name in ("whole", "parts"):
        with np.load(folder / name / "result.npz") as file:
            results.append(dict(file))
    return *results, json.loads(process.stdout.splitlines()[-1])


def check_equal(expected, found):
    assert expected.keys() == found.keys()
    for key, value in expected.items():
        np.testing.assert_array_equal(value, found[key], err_msg=key)


def test_killed_processes_end_as_one_that_was_not(tmp_path):
    # Within an epoch, and while a checkpoint is being written.
    whole, parts, codes = killed(tmp_path, 6, "write:15")
    assert codes == [-9, -9, 0]
    check_equal(whole, parts)
    assert len(whole["history/val_mae"]) == killed_run.EPOCHS
    names = [file.name for file in (tmp_path / "parts").iterdir()]
    assert len(names) == 3 and f"step-{LAST_STEP:012d}.npz" in names


@pytest.mark.slow
def test_twenty_random_kills(tmp_path):
    places = [0, *sorted(random.Random(0).choices(range(LAST_STEP), k=19))]
    kills = [f"write:{step}" if number % 5 == 4 else step for number, step in enumerate(places)]
    whole, parts, codes = killed(tmp_path, *kills)
    assert codes.count(-9) >= 18 and codes[-1] == 0
    check_equal(whole, parts)


class Interrupt(keras.callbacks.Callback):
    """Interrupts `fit`, which is faster than killing a process."""

    def __init__(self, resume, step):
        super().__init__()
        self.resume, self.step = resume, step

    def on_train_batch_end(self, batch, logs=None):
        if self.resume.step == self.step:
            raise KeyboardInterrupt


def fit(folder, learner=None, interrupt=None, save_every=2, **kwargs):
    learner = killed_run.build() if learner is None else learner
    resume = ExactResume(folder, save_every)
    tasks = keras_meta.episodes.Sinusoid(num_shots=3, num_queries=4)
    kwargs = {"initial_epoch": resume.epoch, "steps_per_epoch": 5, "epochs": 2, **kwargs}
    callbacks = [resume, Interrupt(resume, interrupt)]
    try:
        learner.fit(
            tasks.as_dataset(2, start=resume.step), callbacks=callbacks, verbose=0, **kwargs
        )
    except KeyboardInterrupt:
        assert resume.step == interrupt
    return learner


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """A folder of checkpoints at steps 5 and 7."""
    folder = tmp_path_factory.mktemp("interrupted")
    fit(folder, interrupt=8)
    return folder


@pytest.fixture
def copied(interrupted, tmp_path):
    return pathlib.Path(shutil.copytree(interrupted, tmp_path / "copy"))


def damage(path, how):
    content = bytearray(path.read_bytes())
    if how == "truncated":
        content = content[: len(content) // 2]
    elif how == "empty":
        content = b""
    else:
        content[len(content) // 3] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["truncated", "empty", "one bit"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(copied, how):
    before, newest = sorted(copied.iterdir())
    damage(newest, how)
    with pytest.warns(UserWarning, match=f"{newest.name} is damaged"):
        resume = ExactResume(copied)
    assert (resume.step, resume.epoch, resume.batch) == (5, 1, 0)
    damage(before, how)
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="all are damaged. Remove them"):
        ExactResume(copied)


def test_a_run_goes_on_from_the_checkpoint_before_and_leaves_two_sound_ones(copied):
    assert ExactResume(copied).batch == 2
    damage(sorted(copied.iterdir())[-1], "truncated")
    (copied / ".123-step-000000000009.npz").write_bytes(b"half")
    with pytest.warns(UserWarning, match="damaged"):
        parts = fit(copied)
    assert len(list(copied.iterdir())) == 2 and ExactResume(copied).step == 10
    whole = fit(copied / "whole")
    for a, b in zip(whole.variables, parts.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    # A run that has finished trains no further and has its final weights.
    again = fit(copied)
    for a, b in zip(whole.variables, again.variables, strict=True):
        np.testing.assert_array_equal(a, b)


def test_mismatches_with_the_checkpoint_are_refused(copied):
    with pytest.raises(ValueError, match="initial_epoch=0, for a run in epoch 1"):
        fit(copied, initial_epoch=0)
    other = keras_meta.learners.MAML(keras_meta.networks.SinusoidMLP(), 0.1)
    other.compile("adam", "mse", metrics=["mae"])
    with pytest.raises(ValueError, match="belongs to another learner"):
        fit(copied, other)
    with pytest.raises(ValueError, match="Pass `steps_per_epoch`"):
        fit(copied, steps_per_epoch=None)
    with pytest.raises(ValueError, match="save_every=0"):
        ExactResume(copied, save_every=0)
