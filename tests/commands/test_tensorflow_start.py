"""Native messages are held back; what Python says, and the last words of a crash, are not."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = """
import os, sys, warnings
from keras_meta.commands import tensorflow_start

with tensorflow_start._native_messages_held_back():
    os.write(2, b"native message\\n")
    warnings.warn("warning of Python")
    if sys.argv[1] == "raise":
        raise ImportError("no library")
    if sys.argv[1] == "crash":
        os.abort()
os.write(2, b"later message\\n")
print("later print", file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("way", "status", "shown", "hidden"),
    [
        ("end", 0, ["warning of Python", "later message", "later print"], ["native message"]),
        ("raise", 1, ["warning of Python", "ImportError: no library"], ["native message"]),
        ("crash", -6, ["warning of Python", "native message"], []),
    ],
)
def test_what_is_shown(way, status, shown, hidden, tmp_path):
    # The name of the command line, under which the package imports nothing by itself.
    script = tmp_path / "keras-meta"
    script.write_text(PROGRAM)
    result = subprocess.run(
        [sys.executable, script, way],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert result.returncode == status
    assert all(text in result.stderr for text in shown), result.stderr
    assert not any(text in result.stderr for text in hidden), result.stderr
