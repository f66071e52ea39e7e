"""What every record of a benchmark says: the command, the versions, intervals over tasks."""

import argparse
import json
import pathlib
import platform
import statistics
import sys
import time

import keras
import numpy as np
import tensorflow as tf

import keras_meta
from keras_meta.commands import doctor


def command():
    """The command that is running, as it was typed after `python`."""
    return " ".join(["python", *sys.argv])


def versions():
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "keras_meta": keras_meta.__version__,
    }


def interval(values, digits=4):
    """Mean over tasks, the first axis, and half-width of its 95 % interval, rounded."""
    mean, half_width = keras_meta.metrics.task_interval(np.asarray(values))
    return {
        "mean": np.round(np.float64(mean), digits).tolist(),
        "half_width_95": np.round(np.float64(half_width), digits).tolist(),
    }


def milliseconds_in_turn(functions, rounds):
    """Median milliseconds of each of several functions, so that the machine is as busy for all.

    Args:
        functions: dict, name to callable.
        rounds: int. Calls of each.

    Returns:
        dict, name to float.
    """
    times = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            started = time.perf_counter()
            function()
            times[name].append(1000 * (time.perf_counter() - started))
    return {name: statistics.median(values) for name, values in times.items()}


def measure_in_turn(description, name, kind, cases, measured):
    """The main function of a benchmark of times: its options, a record of each case, and a file.

    Args:
        description: str, the documentation of the benchmark.
        name: str, of the file in `benchmarks/results`.
        kind: str, what the cases are, the key of their records.
        cases: dict, name to the arguments of `measured` before the number of rounds.
        measured: Callable that returns a dict.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    out = pathlib.Path(f"benchmarks/results/{name}.json")
    parser.add_argument("--out", type=pathlib.Path, default=out)
    arguments = parser.parse_args()
    processor, vector_units = doctor.processor()
    result = {"command": command(), "processor": processor, "vector_units": vector_units, kind: {}}
    for case, settings in cases.items():
        result[kind][case] = measured(*settings, arguments.rounds)
        print(case, result[kind][case], flush=True)
    write(arguments.out, {**result, "versions": versions()})


def write(path, result):
    """Writes a dict to a JSON file, whose folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")
