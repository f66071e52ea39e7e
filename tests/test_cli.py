"""The command line as a program: its speed, its silence, and its words for errors."""

import os
import pathlib
import subprocess
import sys

import pytest
import tensorflow as tf

import keras_meta
from keras_meta import cli
from tests.commands.conftest import SHORT, TINY

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(params=["module", "script"])
def program(request, tmp_path):
    """How the command line is started: `python -m keras_meta`, or the script that pip installs."""
    if request.param == "module":
        return ["-m", "keras_meta"]
    script = tmp_path / "keras-meta"
    script.write_text("import sys\nfrom keras_meta.cli import main\nsys.exit(main())\n")
    return [str(script)]


def start(*arguments):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_help_comes_without_tensorflow(program):
    result = start(*program, "--help")
    assert result.returncode == 0 and result.stderr == ""
    for name in ("demo", "train", "evaluate", "predict", "write", "export", "doctor"):
        assert name in result.stdout
    imported = start("-X", "importtime", *program, "train", "--help").stderr
    assert "keras_meta.commands.train" in imported
    for name in ("tensorflow", "keras", "numpy"):
        assert f" {name}\n" not in imported and f" {name}." not in imported


def test_version(capsys):
    with pytest.raises(SystemExit) as status:
        cli.main(["--version"])
    assert status.value.code == 0
    assert capsys.readouterr().out == f"keras-meta {keras_meta.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        "evaluate nothing",
        "train --out run",
        "train navigation --out run --ways 3",
        "train --out run --data glyphs --learner svm --inner-steps 2",
        "train --out run --data languages --learner svm",
        "write nothing --support lines.txt",
    ],
)
def test_errors_in_arguments_come_without_tensorflow(arguments, tmp_path):
    result = start("-X", "importtime", "-m", "keras_meta", *arguments.split())
    assert result.returncode == 2
    assert "keras-meta: error: " in result.stderr and " tensorflow\n" not in result.stderr


@pytest.mark.slow  # the quick tests check it in the run that commands/test_train.py kills
def test_a_command_prints_nothing_of_tensorflow_s_own(tmp_path):
    out = tmp_path / "run"
    arguments = ["train", "--data", "glyphs", "--out", out, *TINY, *SHORT]
    result = start("-m", "keras_meta", *arguments)
    assert result.returncode == 0 and result.stderr == ""
    assert (out / "learner.keras").exists()


@pytest.mark.parametrize("name", ["demo", "train", "evaluate", "predict", "write", "export"])
def test_help_of_each_command(name, capsys):
    with pytest.raises(SystemExit) as exit:
        cli.main([name, "--help"])
    assert exit.value.code == 0
    assert f"keras-meta {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "COMMAND"),
        ("fly", "invalid choice: 'fly'"),
        ("train --data glyphs --out run --ways 1", "an integer of at least 2. Received: 1"),
        ("train --data glyphs --out run --shots many", "at least 1. Received: many"),
        ("train --data glyphs --out run --inner-learning-rate nan", "above 0. Received: nan"),
        ("train --data glyphs --out run --outer-learning-rate -1", "above 0. Received: -1"),
        ("train swimming --out run", "invalid choice: 'swimming'"),
        ("train navigation --out run --episodes 1", "an integer of at least 2. Received: 1"),
        ("train navigation --out run --outer-rule magic", "invalid choice: 'magic'"),
        ("train --data glyphs --out run --learner magic", "invalid choice: 'magic'"),
        ("train --data languages --out run --length 1", "an integer of at least 2. Received: 1"),
        ("write run --support x.txt --temperature -1", "at least 0. Received: -1"),
        ("evaluate run --steps -1", "an integer of at least 0. Received: -1"),
        ("evaluate run --tasks 1", "an integer of at least 2. Received: 1"),
    ],
)
def test_arguments_that_cannot_be_used(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit:
        cli.main(arguments.split())
    assert exit.value.code == 2
    errors = capsys.readouterr().err
    assert "keras-meta: error: " in errors and message in errors


def test_an_error_shows_its_traceback_on_demand(tmp_path):
    with pytest.raises(ValueError, match="no such folder"):
        cli.main(["--traceback", "evaluate", str(tmp_path / "nothing")])


ERRORS = {
    "numpy": (MemoryError("Unable to allocate 9 TiB"), "Received: Unable to allocate 9 TiB. Ask"),
    "python": (MemoryError(), "Received: MemoryError. Ask for fewer or smaller"),
    "tensorflow": (
        tf.errors.ResourceExhaustedError(
            None, None, "{{function_node mul}} OOM when allocating 9 TiB [Op:Mul] name: \nHint"
        ),
        "Received: OOM when allocating 9 TiB. Ask for fewer or smaller",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_memory_that_is_exhausted(name, monkeypatch, capsys):
    error, message = ERRORS[name]

    def run(options):
        raise error

    monkeypatch.setattr(cli.evaluate, "run", run)
    assert cli.main(["evaluate", "run"]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("keras-meta: error: There is not enough memory.") and message in errors
    assert errors.count("\n") == 1


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch):
    def run(options):
        raise KeyError("a fault")

    monkeypatch.setattr(cli.evaluate, "run", run)
    with pytest.raises(KeyError, match="a fault"):
        cli.main(["evaluate", "run"])
