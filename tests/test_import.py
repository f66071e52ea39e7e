"""`import keras_meta` needs no extra, and is enough for Keras to load what was saved."""

import subprocess
import sys

import keras
import pytest

import keras_meta

# What the extras install: imported only where it is used.
PROGRAM = """
import sys
EXTRAS = "flask gymnasium matplotlib pyarrow sklearn tensorboard tensorflow_datasets"
for name in EXTRAS.split():
    sys.modules[name] = None  # importing it is an error
import keras_meta
import keras_meta.cli
import keras

learner = keras.models.load_model(sys.argv[1])
assert type(learner).__name__ == "MAML"
"""


def test_a_saved_learner_loads_after_the_import_alone(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras_meta.layers.Context(1)])
    keras_meta.learners.MAML(model, 0.1).save(tmp_path / "learner.keras")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "learner.keras")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_attributes():
    assert set(keras_meta.__all__) <= set(dir(keras_meta))
    for name in keras_meta.__all__:
        assert getattr(keras_meta, name).__name__ == f"keras_meta.{name}"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        keras_meta.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("argv", "orig_argv", "expected"),
    [
        (["/usr/bin/keras-meta", "train"], ["python", "/usr/bin/keras-meta", "train"], True),
        (["-m", "train"], ["python", "-m", "keras_meta", "train"], True),
        (["-m"], ["python", "-X", "dev", "-m", "keras_meta.registry"], True),
        (["-m"], ["python", "-m", "mine", "keras_meta"], False),
        (["mine.py", "-m", "keras_meta"], ["python", "mine.py", "-m", "keras_meta"], False),
        (["-c"], ["python", "-c", "import keras_meta"], False),
        ([""], ["python"], False),
        ([], ["python"], False),
    ],
)
def test_how_python_was_started(argv, orig_argv, expected, monkeypatch):
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(sys, "orig_argv", orig_argv)
    assert keras_meta._is_command_line() is expected
