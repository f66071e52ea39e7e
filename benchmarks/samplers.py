"""Episodes a second: from memory, by a Python generator, and as a share of a training step.

python benchmarks/samplers.py
"""

import argparse
import json
import pathlib
import platform
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

import keras_meta

BATCH, WAYS, SHOTS, QUERIES = 32, 5, 1, 15


def python_generator(images, labels):
    """Meta-batches as they are often made: a loop over tasks and classes, stacked by numpy."""
    of_class = [np.flatnonzero(labels == c) for c in np.unique(labels)]
    random = np.random.default_rng(0)
    while True:
        support, query = [], []
        for _ in range(BATCH):
            for members in random.choice(len(of_class), WAYS, replace=False):
                chosen = random.choice(of_class[members], SHOTS + QUERIES, replace=False)
                support.append(images[chosen[:SHOTS]])
                query.append(images[chosen[SHOTS:]])
        yield np.concatenate(support) / np.float32(255), np.concatenate(query) / np.float32(255)


def episodes_a_second(batches, num_batches=100, rounds=5):
    """Median over rounds, after a first batch."""
    batches = iter(batches)
    next(batches)
    rates = []
    for _ in range(rounds):
        started = time.perf_counter()
        for _ in range(num_batches):
            next(batches)
        rates.append(BATCH * num_batches / (time.perf_counter() - started))
    return round(statistics.median(rates))


def step_milliseconds(dataset, num_steps=60):
    """A step of `fit` of Conv4 with 64 filters."""
    learner = keras_meta.learners.MAML(keras_meta.networks.Conv4(WAYS), 0.4)
    learner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    learner.fit(dataset, steps_per_epoch=1, verbose=0)
    started = time.perf_counter()
    learner.fit(dataset, steps_per_epoch=num_steps, verbose=0)
    return 1000 * (time.perf_counter() - started) / num_steps


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="benchmarks/results/samplers.json")
    arguments = parser.parse_args()
    keras_meta.config.one_task_per_core()
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (24000, 28, 28, 1), "uint8")
    labels = np.repeat(np.arange(1200), 20)
    sampler = keras_meta.episodes.EpisodeSampler(images, labels, WAYS, SHOTS, QUERIES)
    drawn = sampler.as_dataset(BATCH)
    still = drawn.take(1).cache().repeat()
    times = {"drawn": [], "still": []}
    for _ in range(3):
        times["drawn"].append(step_milliseconds(drawn))
        times["still"].append(step_milliseconds(still))
    with_sampling, without = (statistics.median(times[key]) for key in ("drawn", "still"))
    report = {
        "command": "python benchmarks/samplers.py",
        "what": f"{WAYS}-way {SHOTS}-shot, {QUERIES} queries, {BATCH} tasks a batch, 28x28 uint8",
        "episodes_a_second": {
            "EpisodeSampler": episodes_a_second(drawn),
            "Python generator": episodes_a_second(python_generator(images, labels)),
            "Python generator in from_generator": episodes_a_second(
                tf.data.Dataset.from_generator(
                    lambda: python_generator(images, labels),
                    output_signature=(tf.TensorSpec(None), tf.TensorSpec(None)),
                ).prefetch(2)
            ),
        },
        "step_milliseconds": {
            "with episodes drawn": round(with_sampling, 1),
            "with one batch again and again": round(without, 1),
        },
        "share_of_the_step_spent_on_sampling": round(1 - without / with_sampling, 4),
        "versions": {"python": platform.python_version(), "tensorflow": tf.__version__},
    }
    print(json.dumps(report, indent=2))
    out = pathlib.Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
