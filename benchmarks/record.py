"""What every record of a benchmark says: the command, the versions, intervals over tasks."""

import json
import platform
import statistics
import sys
import time

import keras
import numpy as np
import tensorflow as tf

import keras_meta


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


def write(path, result):
    """Writes a dict to a JSON file, whose folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")
