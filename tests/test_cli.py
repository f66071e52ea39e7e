import subprocess
import sys

import pytest

from keras_meta import cli


def test_help_in_a_process_of_its_own():
    result = subprocess.run(
        [sys.executable, "-m", "keras_meta", "--help"], capture_output=True, text=True, check=True
    )
    for name in ("demo", "train", "evaluate", "predict", "export"):
        assert name in result.stdout


@pytest.mark.parametrize("name", ["demo", "train", "evaluate", "predict", "export"])
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
        ("train --data glyphs --out run --learner magic", "invalid choice: 'magic'"),
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
