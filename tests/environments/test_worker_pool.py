"""Worker processes: their deaths, and that of their parent."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("gymnasium", reason="Gymnasium is not installed")

from tests.environments.gymnasium_cases import act, faulty, line_in_workers  # noqa: E402


def test_a_dead_worker_is_reported_and_replaced():
    environment = line_in_workers()
    act(environment)
    os.kill(environment._pool.processes[1].pid, signal.SIGKILL)
    with pytest.raises(tf.errors.UnknownError, match="has died. Received: exit code -9"):
        act(environment)
    assert np.isfinite(act(environment).rewards).all()
    environment.close()


@pytest.mark.slow
def test_an_environment_that_ends_its_worker_is_reported():
    with pytest.raises(tf.errors.UnknownError, match="exit code 7"):
        act(faulty("exit", num_workers=1))


@pytest.mark.slow
def test_workers_end_with_a_killed_parent_and_import_no_tensorflow(tmp_path):
    script = tmp_path / "script.py"
    # Without a guard of the main module, which starting processes by `spawn` would need.
    script.write_text(
        """
import sys, time, gymnasium, tensorflow as tf
from keras_meta import environments

class Modules(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(0, 1, (1,))
    action_space = gymnasium.spaces.Discrete(2)
    def reset(self, *, seed=None, options=None):
        return [float("tensorflow" in sys.modules or "keras_meta" in sys.modules)], {}

environment = environments.GymnasiumEnvironment(Modules, {}, 3, num_workers=2)
_, observation = environment.reset(environment.sample(0, 1), tf.zeros([1, 2, 2]))
print(observation.numpy().sum(), *[p.pid for p in environment._pool.processes], flush=True)
time.sleep(60)
"""
    )
    process = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    imported, *workers = process.stdout.readline().split()
    assert imported == "0.0" and all(_is_running(pid) for pid in workers)
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 10
    while any(_is_running(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(workers) == 2 and not any(_is_running(pid) for pid in workers)


def _is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
