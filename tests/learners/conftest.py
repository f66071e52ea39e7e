"""One process for what is checked where neither Keras nor this library is."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

CLEAN_PROCESS = pathlib.Path(__file__).parents[1] / "serving" / "clean_process.py"


@pytest.fixture(scope="session")
def check_in_clean_process():
    """Checks a SavedModel: `check(kind, folder, data)`. See `tests/serving/clean_process.py`."""
    process = subprocess.Popen(
        [sys.executable, "-I", CLEAN_PROCESS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )

    def check(kind, folder, data):
        print(json.dumps([kind, str(folder), str(data)]), file=process.stdin, flush=True)
        error = json.loads(process.stdout.readline())
        assert error is None, error

    with process:
        yield check
        process.stdin.close()
