"""How long an exported learner takes for one task, and how large what it needs is.

python benchmarks/latency.py

Conv4-64 on 28x28 images, 5 ways. `adapt` reads 5 or 25 support examples, `predict` 5 queries. Each
learner is exported, loaded again without this library, and asked in turn with all others. The same
for LiteRT, at 5 support examples.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import tempfile
import time

import keras
import numpy as np
import tensorflow as tf

import keras_meta
from keras_meta import generators, learners

WAYS, QUERIES = 5, 5


def network():
    return keras_meta.networks.Conv4(num_ways=WAYS)


def embedding():
    """The network without its head: 64 features."""
    return keras_meta.networks.Conv4()


def with_context():
    layers = [*embedding().layers, keras_meta.layers.Context(16), keras.layers.Dense(WAYS)]
    return keras.Sequential([keras.Input((28, 28, 1)), *layers])


LEARNERS = {
    "MAML, 1 step": lambda: learners.MAML(network(), 0.4, 1),
    "MAML, 5 steps": lambda: learners.MAML(network(), 0.1, 5),
    "ANIL, 5 steps": lambda: learners.ANIL(network(), 0.1, 5),
    "CAVIA, 2 steps": lambda: learners.CAVIA(with_context(), 1.0, 2),
    "PrototypicalNetwork": lambda: learners.PrototypicalNetwork(embedding(), num_ways=WAYS),
    "LearnerGenerator, logistic regression": lambda: learners.LearnerGenerator(
        embedding(), generators.LogisticRegression(num_ways=WAYS)
    ),
}


def task(shots):
    random = np.random.default_rng(0)
    return {
        "support_x": random.uniform(size=(WAYS * shots, 28, 28, 1)).astype("float32"),
        "support_y": np.repeat(np.arange(WAYS, dtype="int32"), shots),
        "query_x": random.uniform(size=(QUERIES, 28, 28, 1)).astype("float32"),
    }


def export(make, folder):
    """Writes both forms of a learner; returns their sizes in bytes."""
    keras.utils.set_random_seed(0)
    learner = make()
    learner.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    learner(keras.tree.map_structure(lambda x: x[None], task(1)))
    learner.export(folder / "saved_model", verbose=False)
    lite = {"format": "litert", "support_size": WAYS, "query_size": QUERIES}
    learner.export(folder / "learner.tflite", verbose=False, **lite)
    files = (folder / "saved_model").rglob("*")
    return {
        "saved_model_bytes": sum(file.stat().st_size for file in files if file.is_file()),
        "litert_bytes": (folder / "learner.tflite").stat().st_size,
    }


def calls(folder):
    """Yields `(name, function to time)`, and last the size of a state in bytes."""
    endpoints = tf.saved_model.load(folder / "saved_model").signatures
    for shots in (1, 5):
        support = {key: tf.constant(x) for key, x in task(shots).items()}
        query_x = support.pop("query_x")
        state = endpoints["adapt"](**support)
        yield (
            f"adapt_ms_{shots}_shot",
            lambda support=support: endpoints["adapt"](**support).popitem()[1].numpy(),
        )
    yield (
        "predict_ms",
        lambda: endpoints["predict"](query_x=query_x, **state)["predictions"].numpy(),
    )
    interpreter = tf.lite.Interpreter(str(folder / "learner.tflite"), num_threads=os.cpu_count())
    adapt, predict = map(interpreter.get_signature_runner, ("adapt", "predict"))
    arrays = task(1)
    queries = arrays.pop("query_x")
    lite_state = adapt(**arrays)
    yield "litert_adapt_ms_1_shot", lambda: adapt(**arrays)
    yield "litert_predict_ms", lambda: predict(query_x=queries, **lite_state)
    yield "state_bytes", sum(x.numpy().nbytes for x in state.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=101)
    parser.add_argument("--out", default=pathlib.Path(__file__).parent / "results" / "latency.json")
    options = parser.parse_args()
    rows, timed = {}, []
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, make) in enumerate(LEARNERS.items()):
            place = pathlib.Path(folder, str(number))
            place.mkdir()
            rows[name] = export(make, place)
            for key, call in calls(place):
                if callable(call):
                    timed.append((name, key, call, []))
                else:
                    rows[name][key] = call
        for _ in range(options.repeats):
            for _, _, call, seconds in timed:
                start = time.perf_counter()
                call()
                seconds.append(time.perf_counter() - start)
    for name, key, _, seconds in timed:
        rows[name][key] = round(1000 * statistics.median(seconds), 2)
        rows[name][f"{key}_lowest_decile"] = round(1000 * statistics.quantiles(seconds, n=10)[0], 2)
    result = {
        "command": "python benchmarks/latency.py",
        "what": __doc__.split("\n\n")[2].replace("\n", " "),
        "repeats": options.repeats,
        "seed": 0,
        "cores": os.cpu_count(),
        "load_average_after": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "learners": rows,
    }
    pathlib.Path(options.out).write_text(json.dumps(result, indent=2) + "\n")
    for name, row in rows.items():
        print(name, row)


if __name__ == "__main__":
    main()
