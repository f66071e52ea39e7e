"""What a meta-step costs by tasks, ways and inner steps, and where more workers stop paying.

    python benchmarks/step_costs.py

The measured part times the meta-gradient of MAML, second order, on Conv4-64 and 28x28 images, one
support and five query images a class, and fits

    milliseconds = overhead + tasks * ways * (query + steps * step)

The simulated part divides a fixed number of tasks among workers, each of which takes that time for
its share, and adds a ring all-reduce of the gradient (see `scaling.py`). Workers pay until twice as
many take more than two thirds of the time.
"""

import argparse
import itertools
import pathlib

import keras
import numpy as np
import record
import tensorflow as tf
from scaling import NETWORKS, ring_all_reduce

import keras_meta
from keras_meta.outer_loop.episode import Episode

SIMULATED = {"tasks": (32, 256), "ways": (5, 20), "steps": (1, 5)}
WORKERS = [2**power for power in range(9)]


def meta_gradient(tasks, ways, steps):
    """Returns a function that computes a meta-gradient, traced, and the number of parameters."""
    learner = keras_meta.learners.MAML(keras_meta.networks.Conv4(ways), 0.1, steps)
    learner.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    glyphs = keras_meta.episodes.StrokeGlyphs(num_ways=ways, num_shots=1, num_queries=5)
    ((inputs, y),) = glyphs.as_dataset(tasks, num_batches=1)
    function = tf.function(lambda: learner.meta_gradients(Episode(inputs, y)), autograph=False)
    function()
    parameters = sum(v.numpy().size for v in learner.trainable_variables)
    return function, parameters


def fit(measured):
    """Least squares on relative errors; returns the coefficients and the largest of the errors."""
    rows = [(1, t * w, t * w * s) for t, w, s in measured]
    times = np.array(list(measured.values()))
    matrix = np.array(rows) / times[:, None]
    coefficients = np.linalg.lstsq(matrix, np.ones(len(times)), rcond=None)[0]
    return coefficients, float(np.abs(matrix @ coefficients - 1).max())


def simulated(coefficients, parameters, tasks, ways, steps, network):
    """Milliseconds of a meta-step by workers, and up to how many of them pay."""
    overhead, query, step = coefficients

    def milliseconds(workers):
        share = np.ceil(tasks / workers) * ways * (query + steps * step)
        return overhead + share + 1000 * ring_all_reduce(workers, 4 * parameters, **network)

    times = {n: round(float(milliseconds(n)), 2) for n in WORKERS if n <= tasks}
    pays = 1
    while 2 * pays in times and times[2 * pays] <= 2 / 3 * times[pays]:
        pays *= 2
    return {"milliseconds": times, "workers_pay_up_to": pays}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, nargs="+", default=[4, 16, 32])
    parser.add_argument("--ways", type=int, nargs="+", default=[5, 20])
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 3, 5])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("benchmarks/results/step_costs.json")
    )
    arguments = parser.parse_args()
    keras_meta.config.one_task_per_core()
    keras.utils.set_random_seed(0)
    functions = {}
    for key in itertools.product(arguments.tasks, arguments.ways, arguments.steps):
        functions[key], parameters = meta_gradient(*key)
    measured = record.milliseconds_in_turn(functions, arguments.repeats)
    coefficients, error = fit(measured)

    def named(tasks, ways, steps):
        return f"{tasks} tasks, {ways}-way, {steps} steps"

    names = ("overhead", "query", "step")
    result = {
        "command": record.command(),
        "milliseconds": {named(*key): round(value, 1) for key, value in measured.items()},
        "fitted": dict(zip(names, np.round(coefficients, 4).tolist(), strict=True)),
        "largest_relative_error": round(error, 3),
        "simulated": {
            name: {
                named(*key): simulated(coefficients, parameters, *key, network)
                for key in itertools.product(*SIMULATED.values())
            }
            for name, network in NETWORKS.items()
        },
        "versions": record.versions(),
    }
    record.write(arguments.out, result)
    print(result["milliseconds"], result["fitted"], result["largest_relative_error"])
    for name, cases in result["simulated"].items():
        print(name, {key: case["workers_pay_up_to"] for key, case in cases.items()})


if __name__ == "__main__":
    main()
