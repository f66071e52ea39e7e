"""What all tests share: two logical CPUs, where the real data lie, clean global settings."""

import gc
import json
import os
import pathlib
import subprocess
import sys

import pytest

CLEAN_PROCESS = pathlib.Path(__file__).parent / "serving" / "clean_process.py"

# Models are cycles of references. Python would look for them again and again while a test traces
# its graphs: they are collected between tests instead, and only when there are enough of them.
COLLECTED_FROM = 200_000


def pytest_configure(config):
    """Starts TensorFlow, but in a process that only hands out tests to others."""
    if not config.getoption("numprocesses", None) or hasattr(config, "workerinput"):
        start()


def start():
    import tensorflow as tf

    import keras_meta

    # As in a program: faster on a CPU, and `fit` does not hint at it.
    keras_meta.config.one_task_per_core()
    # Before anything runs: the replica tests need a second device.
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    gc.collect()
    gc.freeze()
    gc.disable()


@pytest.fixture(autouse=True)
def fixed_seed():
    import keras

    keras.utils.set_random_seed(0)
    yield
    if gc.get_count()[0] > COLLECTED_FROM:
        gc.collect()
        # What TensorFlow keeps for good need not be gone through the next time.
        gc.freeze()


@pytest.fixture
def float64():
    """Models built in the test compute in float64."""
    import keras

    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def two_replicas():
    """A strategy of two devices. By collectives, whose shapes TensorFlow remembers, one would not
    work after another."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"], tf.distribute.ReductionToOneDevice())


@pytest.fixture
def data_folder():
    """The folder of real data, named by KERAS_META_DATA or beside the checkout."""
    default = pathlib.Path(__file__).parents[2] / "shared" / "data"
    folder = pathlib.Path(os.environ.get("KERAS_META_DATA", default))
    if not folder.is_dir():
        pytest.skip("real data are not here: set KERAS_META_DATA to the folder that holds them")
    return folder


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
