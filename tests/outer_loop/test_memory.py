"""Memory stays flat over long runs, each in a process of its own."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

PROGRAM = """
import gc, json, resource
import keras
import keras_meta

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20

layers = [keras.Input((1,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)]
learner = keras_meta.learners.MAML(keras.Sequential(layers), 0.01)
learner.compile("adam", "mse")
tasks = keras_meta.episodes.Sinusoid(num_shots=5, num_queries=5)
data = tasks.as_dataset(2)
(inputs, _), = tasks.as_dataset(1, num_batches=1)

def fit(steps):
    learner.fit(data, steps_per_epoch=1000, epochs=steps // 1000, verbose=0)

def adapt(calls):
    for _ in range(calls):
        learner.adapt(inputs["support_x"][0], inputs["support_y"][0])

found = {}
for work in (fit, adapt):
    work(1000)
    found[work.__name__] = [resident()]
    for _ in range(2):
        work(5000)
        found[work.__name__].append(resident())
print(json.dumps(found))
"""


@pytest.mark.slow
def test_memory_is_flat_over_10000_steps_and_10000_adaptations():
    root = str(pathlib.Path(__file__).parents[2])
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    found = json.loads(result.stdout.splitlines()[-1])
    print(found)
    for name, (start, _, end) in found.items():
        assert end - start < 24, (name, found)
