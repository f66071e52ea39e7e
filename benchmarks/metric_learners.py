"""Trains the learners that embed and write a head at an equal budget, and compares them.

    python benchmarks/metric_learners.py --data omniglot28.npz

Omniglot: trained on 1-shot tasks, 20-way by default, of the 1200 characters of the training and
validation splits (Vinyals) in four rotations, tested on characters of the test split, 1,000 tasks
of each kind with 5 queries a class. Tests are on the 423 upright characters, and, as in Snell et
al., on the 1692 classes that their four rotations make. The second are easier: of two characters
that look alike, both stand the same way up in a quarter of the tasks that hold both. Every learner
has the same embedding, the same number of outer steps and of images; baselines are pre-trained on
all classes in batches of as many images.
All of them normalise by stored statistics (`batch_norm="running"`): each query is predicted on its
own.
Differences are paired: the same tasks, each learner less the prototypical network.
"""

import argparse
import json
import os
import pathlib
import time

import keras
import numpy as np
import omniglot
import record
import tensorflow as tf

import keras_meta
from keras_meta import callbacks, episodes, generators, learners, metrics, networks

TESTS = {
    "5-way 1-shot": (5, 1),
    "20-way 1-shot": (20, 1),
    "5-way 5-shot": (5, 5),
    "20-way 5-shot": (20, 5),
}
ROTATED = ", rotations are classes"
QUERIES, NUM_TEST_TASKS = 5, 1000
REFERENCE = "PrototypicalNetwork"
INDUCTIVE = {"batch_norm": "running"}


def embedding(pooling, seed):
    """The four blocks, without a head; their last maps are not pooled but flattened."""
    blocks = networks.Conv4(5, pooling=pooling, seed=seed).layers[:-2]
    return keras.Sequential([keras.Input((28, 28, 1)), *blocks, keras.layers.Flatten()])


LEARNERS = {
    REFERENCE: lambda body: learners.PrototypicalNetwork(body, **INDUCTIVE),
    "PrototypicalNetwork, cosine": lambda body: learners.PrototypicalNetwork(
        body, distance="cosine", **INDUCTIVE
    ),
    "MatchingNetwork": lambda body: learners.MatchingNetwork(body, **INDUCTIVE),
    "RelationNetwork": lambda body: learners.RelationNetwork(body, **INDUCTIVE),
    "RidgeLearner": lambda body: learners.RidgeLearner(body, **INDUCTIVE),
    "LogisticLearner": lambda body: learners.LogisticLearner(body, **INDUCTIVE),
    "SVMLearner": lambda body: learners.SVMLearner(body, **INDUCTIVE),
    "LearnerGenerator, logistic regression": lambda body: learners.LearnerGenerator(
        body, generators.LogisticRegression(), **INDUCTIVE
    ),
    "InContextLearner": lambda body: learners.InContextLearner(
        body, max_ways=20, width=128, num_blocks=4, **INDUCTIVE
    ),
    "Baseline": lambda body: learners.Baseline(body, **INDUCTIVE),
    "BaselinePlusPlus": lambda body: learners.BaselinePlusPlus(body, **INDUCTIVE),
}


def fit_episodes(learner, data, arguments, checkpoints):
    train = episodes.EpisodeSampler(
        *data, arguments.ways, 1, QUERIES, seed=arguments.seed, rotations=True
    )
    learner.compile(outer_optimizer(arguments), classification(), metrics=["accuracy"])
    fit(
        learner,
        lambda step: train.as_dataset(arguments.batch_size, start=step),
        arguments,
        checkpoints,
    )


def pretrain(learner, data, arguments, checkpoints):
    """All classes at once, as many images an iteration as episodes have."""
    x, y = episodes.with_rotations(*data)
    classes, y = np.unique(y, return_inverse=True)
    images = arguments.batch_size * arguments.ways * (1 + QUERIES)

    def batches(step):
        return (
            tf.data.Dataset.from_tensor_slices((x, y.astype("int32")))
            .shuffle(len(x), seed=arguments.seed)
            .repeat()
            .batch(images, drop_remainder=True)
            .skip(step)
            .map(lambda x, y: (episodes.images.scale_images(x), y))
            .prefetch(2)
        )

    model = learner.pretraining_model(len(classes))
    model.compile(outer_optimizer(arguments), classification(), metrics=["accuracy"])
    fit(model, batches, arguments, checkpoints)
    learner.compile("adam", classification(), metrics=["accuracy"])


def fit(model, data_from, arguments, checkpoints):
    steps = min(250, arguments.iterations)
    resume = callbacks.ExactResume(checkpoints)
    model.fit(
        data_from(resume.step),
        steps_per_epoch=steps,
        initial_epoch=resume.epoch,
        epochs=arguments.iterations // steps,
        shuffle=False,
        verbose=2,
        callbacks=[resume],
    )


def outer_optimizer(arguments):
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, arguments.iterations))


def classification():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def test_values(learner, data, seed):
    """Accuracy of each test task, by kind of task."""

    def values(ways, shots, rotations):
        tasks = episodes.EpisodeSampler(
            *data, ways, shots, QUERIES, seed=seed + 1, rotations=rotations
        )
        return metrics.task_values(learner, tasks.as_dataset(20, num_batches=NUM_TEST_TASKS // 20))

    return {
        kind + suffix: values(*task, rotations)
        for suffix, rotations in (("", False), (ROTATED, True))
        for kind, task in TESTS.items()
    }


def rounded(values):
    mean, half_width = metrics.task_interval(values)
    return {"mean": round(float(mean), 4), "half_width_95": round(float(half_width), 4)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="omniglot28.npz")
    parser.add_argument("--iterations", type=int, default=2000)
    parser.add_argument("--ways", type=int, default=20, help="classes of a training task")
    parser.add_argument("--pooling", default="max", help="max, or stride: several times as fast")
    parser.add_argument("--batch-size", type=int, default=2, help="tasks in an outer step")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--learners", nargs="+", default=list(LEARNERS))
    parser.add_argument("--run", default="runs/metric_learners", help="folder of what was trained")
    parser.add_argument("--out", default="benchmarks/results/metric_learners.json")
    arguments = parser.parse_args()
    keras_meta.config.one_task_per_core()
    if arguments.batch_size == 1:
        tf.config.threading.set_intra_op_parallelism_threads(os.cpu_count())
    train_data, test_data = omniglot.load(arguments.data)
    out, run = pathlib.Path(arguments.out), pathlib.Path(arguments.run)
    run.mkdir(parents=True, exist_ok=True)
    result = {
        "command": "python benchmarks/metric_learners.py --data omniglot28.npz "
        f"--iterations {arguments.iterations} --batch-size {arguments.batch_size} "
        f"--seed {arguments.seed}"
        + (f" --ways {arguments.ways}" if arguments.ways != 20 else "")
        + (f" --pooling {arguments.pooling}" if arguments.pooling != "max" else ""),
        "seed": arguments.seed,
        "iterations": arguments.iterations,
        "test_tasks": NUM_TEST_TASKS,
        "batch_norm": "running",
        "learners": {},
        "versions": record.versions(),
    }
    if out.exists():
        before = json.loads(out.read_text())
        # Learners measured by the same command stay; each is independent of the others.
        if before["command"] == result["command"]:
            result["learners"] = before["learners"]
    for name in [x for x in arguments.learners if x not in result["learners"]]:
        keras.utils.set_random_seed(arguments.seed)
        learner = LEARNERS[name](embedding(arguments.pooling, arguments.seed))
        train = pretrain if name.startswith("Baseline") else fit_episodes
        started = time.time()
        train(learner, train_data, arguments, run / f"{name}, {arguments.iterations} iterations")
        seconds = round(time.time() - started, 1)
        values = test_values(learner, test_data, arguments.seed)
        np.savez(run / f"{name}.npz", **values)
        result["learners"][name] = {
            "seconds_of_training": seconds,
            **{kind: rounded(x) for kind, x in values.items()},
        }
        if name != REFERENCE and (run / f"{REFERENCE}.npz").exists():
            with np.load(run / f"{REFERENCE}.npz") as reference:
                result["learners"][name][f"less {REFERENCE}, paired"] = {
                    kind: rounded(x - reference[kind]) for kind, x in values.items()
                }
        print(name, result["learners"][name], flush=True)
        out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
