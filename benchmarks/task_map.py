"""Shows that `task_map="auto"` picks the faster way to map over tasks, for many architectures.

python benchmarks/task_map.py
"""

import argparse
import json
import pathlib
import platform

import keras
import numpy as np
import record
import tensorflow as tf

import keras_meta
from keras_meta.outer_loop import task_map

layers = keras.layers


def sequential(shape, *stack, dtype="float32"):
    """A model that ends in five logits, and the shape and type of its examples."""
    inputs = keras.Input(shape, dtype=dtype)
    return keras.Sequential([inputs, *stack, layers.Dense(5)]), shape, dtype


def transformer(length=20, width=32):
    tokens = keras.Input((length,), dtype="int32")
    x = layers.Embedding(1000, width)(tokens)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(4, 8)(x, x))
    x = layers.LayerNormalization()(x + layers.Dense(width)(layers.Dense(64, "gelu")(x)))
    model = keras.Model(tokens, layers.Dense(5)(layers.GlobalAveragePooling1D()(x)))
    return model, (length,), "int32"


ARCHITECTURES = {
    "MLP 1-40-40": lambda: sequential((1,), layers.Dense(40, "relu"), layers.Dense(40, "relu")),
    "MLP 256-128-128": lambda: sequential(
        (256,), layers.Dense(128, "relu"), layers.Dense(128, "relu")
    ),
    "MLP 784-256": lambda: sequential((784,), layers.Dense(256, "relu")),
    "MLP, batch normalisation": lambda: sequential(
        (64,), layers.Dense(64), layers.BatchNormalization(), layers.ReLU()
    ),
    "MLP, layer normalisation, dropout": lambda: sequential(
        (64,), layers.Dense(64, "gelu"), layers.LayerNormalization(), layers.Dropout(0.1)
    ),
    "embedding, mean": lambda: sequential(
        (20,), layers.Embedding(1000, 32), layers.GlobalAveragePooling1D(), dtype="int32"
    ),
    "transformer": transformer,
    "LSTM": lambda: sequential((20,), layers.Embedding(1000, 32), layers.LSTM(32), dtype="int32"),
    "GRU": lambda: sequential((20, 8), layers.GRU(32)),
    "Conv1D": lambda: sequential(
        (50, 4), layers.Conv1D(16, 5, 2, activation="relu"), layers.GlobalAveragePooling1D()
    ),
    "Conv4-32 28x28": lambda: (keras_meta.networks.Conv4(5, filters=32), (28, 28, 1), "float32"),
    "depthwise": lambda: sequential(
        (16, 16, 8), layers.DepthwiseConv2D(3), layers.ReLU(), layers.GlobalAveragePooling2D()
    ),
}


def stepper(build, way, num_tasks=16):
    """Returns a function that computes one meta-gradient."""
    keras.utils.set_random_seed(0)
    model, shape, dtype = build()
    learner = keras_meta.learners.MAML(model, inner_learning_rate=0.05, task_map=way)
    learner.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    random = np.random.default_rng(0)
    size = (num_tasks, 10, *shape)
    features = random.integers(0, 1000, size) if dtype == "int32" else random.normal(size=size)
    x = tf.constant(features.astype(dtype))
    y = tf.tile(tf.range(10)[None] % 5, [num_tasks, 1])
    batch = ({"support_x": x, "support_y": y, "query_x": x}, y)
    step = tf.function(learner.train_step, autograph=False)
    step(batch)
    return lambda: float(step(batch)["loss"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="benchmarks/results/task_map.json")
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    keras_meta.config.one_task_per_core()
    report = {
        "command": f"python benchmarks/task_map.py --rounds {arguments.rounds}",
        "versions": {"python": platform.python_version(), "tensorflow": tf.__version__},
        "milliseconds_for_16_tasks": {},
    }
    for name, build in ARCHITECTURES.items():
        steps, failures = {}, {}
        for way in ("loop", "vectorize"):
            try:
                steps[way] = stepper(build, way)
            # What cannot be vectorised fails in many ways, all of which `auto` must avoid.
            except Exception as error:
                failures[way] = type(error).__name__
        medians = record.milliseconds_in_turn(steps, arguments.rounds)
        times = {name: round(value, 3) for name, value in medians.items()}
        chosen = task_map.choose(build()[0])
        worse = times[chosen] / min(times.values()) - 1
        report["milliseconds_for_16_tasks"][name] = {
            **times,
            **failures,
            "auto": chosen,
            "slower_than_the_better": round(worse, 3),
        }
        print(f"{name:35} {times} {failures} auto: {chosen}, {worse:.0%} slower than the better")
    out = pathlib.Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
