import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta.exact import replicas
from tests.outer_loop import replica_cases
from tests.quick import quick_first

pytestmark = pytest.mark.usefixtures("float64")
ROOT = pathlib.Path(__file__).parents[2]


def one_device(case):
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0"], tf.distribute.ReductionToOneDevice("CPU:0")
    )
    return replica_cases.run(case, strategy)


def check_equal(expected, found, where=""):
    assert expected.keys() == found.keys()
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-6, atol=1e-8, err_msg=where + key)


def start_workers(module, *arguments):
    """Starts two processes that are each other's workers."""
    sockets = [socket.socket() for _ in range(2)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    processes = []
    for index in range(2):
        cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        environment = {
            **os.environ,
            "TF_CONFIG": json.dumps(cluster),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-m", module, *map(str, arguments)]
        processes.append(
            subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        )
    return processes


def check_workers(folder, cases):
    processes = start_workers("tests.outer_loop.replica_cases", folder, *cases)
    errors = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors[0][-3000:]
    for case in cases:
        expected = one_device(case)
        for worker in range(2):
            with np.load(folder / f"{case}-{worker}.npz") as file:
                check_equal(expected, dict(file), f"{case}, worker {worker}: ")


# One replica has fewer tasks; one has none.
@pytest.mark.parametrize("tasks", quick_first([7, 5], [5]))
@pytest.mark.parametrize("name", quick_first(replica_cases.LEARNERS, ["MAML"]))
def test_uneven_batches_on_two_replicas(name, tasks):
    case = f"{name}-{tasks}"
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], tf.distribute.ReductionToOneDevice("CPU:0")
    )
    check_equal(one_device(case), replica_cases.run(case, strategy))


@pytest.mark.slow
def test_two_processes_draw_a_batch_together(tmp_path):
    check_workers(tmp_path, ["MAML-stream"])


@pytest.mark.slow
def test_two_processes_for_every_kind_of_outer_step(tmp_path):
    check_workers(tmp_path, [case for case in replica_cases.CASES if case != "MAML-stream"])


def test_a_stream_that_all_workers_would_read_alike_is_refused(monkeypatch):
    monkeypatch.setattr(replicas, "on_several_machines", lambda strategy: True)
    strategy = tf.distribute.get_strategy()
    waves = keras_meta.episodes.Sinusoid(num_shots=2)
    with pytest.raises(ValueError, match="distribute_datasets_from_function"):
        replicas.check_stream(strategy, waves.as_dataset(4))
    replicas.check_stream(strategy, tf.data.Dataset.range(4))  # TensorFlow divides it


@pytest.mark.slow
def test_a_worker_that_dies_comes_back_and_both_go_on(tmp_path):
    module = "tests.callbacks.worker_run"

    def finish(folder):
        processes = start_workers(module, folder, -1)
        errors = [process.communicate()[1] for process in processes]
        assert [process.returncode for process in processes] == [0, 0], errors[0][-3000:]
        results = []
        for worker in range(2):
            with np.load(folder / f"result-{worker}.npz") as file:
                results.append(dict(file))
        check_equal(*results)
        return results[0]

    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = finish(tmp_path / "whole")
    survivor, dead = start_workers(module, tmp_path / "parts", 8)
    assert dead.wait() == -9
    # What starts both again does not wait until the other has noticed.
    survivor.kill()
    for process in (survivor, dead):
        process.communicate()
    assert keras_meta.callbacks.ExactResume(tmp_path / "parts" / "checkpoints").step in (5, 7)
    parts = finish(tmp_path / "parts")
    assert whole.keys() == parts.keys() and len(parts["mae"]) == 2
    for key, value in whole.items():
        np.testing.assert_allclose(parts[key], value, rtol=1e-6, atol=1e-7, err_msg=key)
