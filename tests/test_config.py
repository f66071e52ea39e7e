"""Settings for a CPU, and the hint that they are missing."""

import json
import os
import subprocess
import sys
import warnings

import pytest

from keras_meta import config


def run(code):
    """Runs code in a process of its own, and returns what it prints as JSON."""
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPU_ALLOCATOR_USE_BFC"}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    "threads, gpus, cores, hinted",
    [
        (0, [], 4, True),
        (4, [], 4, True),
        (1, [], 4, False),
        (0, ["a GPU"], 4, False),
        (0, [], 1, False),
        (0, [], None, False),
    ],
)
def test_the_hint_comes_once_and_where_it_helps(threads, gpus, cores, hinted, monkeypatch):
    monkeypatch.setattr(config, "_hinted", False)
    monkeypatch.setattr(config.os, "cpu_count", lambda: cores)
    monkeypatch.setattr(
        config.tf.config.threading, "get_intra_op_parallelism_threads", lambda: threads
    )
    monkeypatch.setattr(config.tf.config, "list_physical_devices", lambda kind: gpus)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        config.hint_once()
        config.hint_once()
    assert [str(w.message).startswith("On a CPU") for w in caught] == [True] * hinted


def test_after_the_start_other_settings_are_refused():
    threading = config.tf.config.threading
    now = (
        threading.get_inter_op_parallelism_threads(),
        threading.get_intra_op_parallelism_threads(),
    )
    config.tf.zeros(1)
    with pytest.raises(RuntimeError) as error:
        config.one_task_per_core(cores=7)
    assert f"Received: TensorFlow running with (inter, intra) = {now}" in str(error.value)


@pytest.mark.slow
def test_one_thread_an_operation_and_memory_that_is_kept():
    """Pages that the system hands out again are faults: 16 thousand for each tensor of 64 MB."""
    code = """
import json, resource
import tensorflow as tf
import keras_meta
keras_meta.config.one_task_per_core(3)
x = tf.zeros((16, 1024, 1024))
keras_meta.config.one_task_per_core(3)  # the same settings again
x = x + 1.0
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    x = x + 1.0
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
threading = tf.config.threading
print(json.dumps([
    threading.get_inter_op_parallelism_threads(),
    threading.get_intra_op_parallelism_threads(),
    faults,
]))
"""
    inter, intra, faults = run(code)
    assert (inter, intra) == (3, 1)
    assert faults < 3 * 16 * 1024
