"""Settings for a CPU, and the hint that they are missing."""

import os
import subprocess
import sys
import warnings

import pytest

from keras_meta import config


@pytest.mark.parametrize(
    "threads, gpus, hinted", [(0, [], True), (4, [], True), (1, [], False), (0, ["a GPU"], False)]
)
def test_the_hint_comes_once_and_where_it_helps(threads, gpus, hinted, monkeypatch):
    monkeypatch.setattr(config, "_hinted", False)
    monkeypatch.setattr(config.os, "cpu_count", lambda: 4)
    monkeypatch.setattr(
        config.tf.config.threading, "get_intra_op_parallelism_threads", lambda: threads
    )
    monkeypatch.setattr(config.tf.config, "list_physical_devices", lambda kind: gpus)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        config.hint_once()
        config.hint_once()
    assert [str(w.message).startswith("On a CPU") for w in caught] == [True] * hinted


def test_memory_is_not_returned_between_operations():
    """Pages that the system hands out again are faults: 16 thousand for each tensor of 64 MB."""
    code = """
import resource
import tensorflow as tf
import keras_meta
keras_meta.config.one_task_per_core()
x = tf.zeros((16, 1024, 1024))
x = x + 1.0
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    x = x + 1.0
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPU_ALLOCATOR_USE_BFC"}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert int(run.stdout) < 3 * 16 * 1024
