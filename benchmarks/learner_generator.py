"""Trains learner generators on sinusoids and on Omniglot, and compares what they write.

    python benchmarks/learner_generator.py --data omniglot28.npz

For each kind of learner that a generator writes, three things are measured on the same unseen
tasks: what the trained generator writes; what it writes before training; and a learner of that kind
that starts from random weights and is fine-tuned to the support set of each task by Adam. For the
last, its form (the learner on the embedding's architecture, all of it or its head alone, or on the
raw features), its rate and its number of steps are those that did best on validation tasks.

Sinusoids: 10 examples a wave. Omniglot: 5-way 1-shot, the classes of the training split in four
rotations; validation and test are the upright characters of the other two splits (Vinyals). Each
query is normalised by the support set alone in the generator (`batch_norm="support"`); the
fine-tuned learner is given the statistics of the queries as well, which is to its advantage.
"""

import argparse
import json
import pathlib
import time

import keras
import numpy as np
import record

import keras_meta
from keras_meta import baselines, episodes, generators, networks

NUM_TEST_TASKS = 1000


def dense(units, seed, inputs=(1,)):
    """A network of ReLU layers, the last one linear if it has one output."""
    layers = [
        keras.layers.Dense(
            width,
            None if width == 1 else "relu",
            kernel_initializer=keras.initializers.GlorotUniform(seed + number),
        )
        for number, width in enumerate(units)
    ]
    return keras.Sequential([keras.Input(inputs), *layers], name="network")


def linear(shape, outputs, seed):
    """The linear learner on raw features."""
    initializer = keras.initializers.GlorotUniform(seed)
    head = keras.layers.Dense(outputs, kernel_initializer=initializer)
    layers = [keras.Input(shape), keras.layers.Flatten(), head]
    return keras.Sequential(layers, name="linear_in_raw_features")


class Sinusoids:
    """Regression on sine waves."""

    metric, lower_is_better = "mse", True
    rates, steps = (0.003, 0.01, 0.03, 0.1), (0, 1, 3, 10, 30, 100, 300, 1000)

    def __init__(self, seed):
        splits = (episodes.Sinusoid(10, 10, seed=3 * seed + part) for part in range(3))
        self.train, self.validation, self.test = splits

    def embedding(self, seed):
        return dense((64, 64), seed)

    def kinds(self, seed):
        """Name to (what is written, its loss, fine-tuned forms and whether by the head alone)."""
        on_embedding = [(dense((64, 64, 1), seed), head) for head in (False, True)]
        heads = [*on_embedding, (linear((1,), 1, seed), False)]
        body = dense((40, 40, 1), seed)
        own = [(dense((40, 40, 1), seed), False), (networks.SinusoidMLP(seed=seed), False)]
        return {
            "linear regression": (generators.LinearRegression(), None, heads),
            "linear SVM (regression)": (generators.LinearSVR(), None, heads),
            "neural network": (generators.NeuralNetwork(body), "mse", own),
            "neural network by FiLM": (generators.FiLM(dense((40, 40, 1), seed)), "mse", own),
        }


class Omniglot:
    """Recognition of characters, 5-way 1-shot."""

    metric, lower_is_better = "accuracy", False
    rates, steps = (0.003, 0.03), (0, 1, 3, 10, 30, 60)

    def __init__(self, seed, path):
        with np.load(path) as file:
            images, labels = file["images"][..., None], file["character_id"]
            split = file["vinyals_split_by_character"][labels - 1]
        tasks = {"num_ways": 5, "num_shots": 1, "num_queries": 3}
        self.train, self.validation, self.test = (
            episodes.EpisodeSampler(
                images[split == part],
                labels[split == part],
                **tasks,
                seed=3 * seed + part,
                rotations=part == 0,
            )
            for part in range(3)
        )

    def embedding(self, seed):
        return networks.Conv4(seed=seed)

    def kinds(self, seed):
        """Name to (what is written, its loss, fine-tuned forms and whether by the head alone)."""

        def conv4(filters):
            return networks.Conv4(5, filters=filters, seed=seed)

        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        heads = [(conv4(64), False), (conv4(64), True), (linear((28, 28, 1), 5, seed), False)]
        small, medium = ([(conv4(filters), head) for head in (False, True)] for filters in (16, 32))
        return {
            "logistic regression": (generators.LogisticRegression(num_ways=5), None, heads),
            "linear SVM": (generators.LinearSVM(num_ways=5), None, heads),
            "neural network": (generators.NeuralNetwork(conv4(16)), loss, small),
            "neural network by FiLM": (generators.FiLM(conv4(32)), loss, medium),
        }


def measure(domain, writes, loss, forms, seed, iterations, batch_size):
    """Trains a generator of one kind; returns its figures beside those of the others."""
    loss = writes.loss if loss is None else loss
    learner = keras_meta.learners.LearnerGenerator(
        domain.embedding(seed), writes, batch_norm="support", seed=seed
    )
    rate = keras.optimizers.schedules.CosineDecay(1e-3, iterations)
    steps_an_epoch = min(1000, iterations)
    fast = domain.metric == "mse"
    learner.compile(
        keras.optimizers.Adam(rate), loss, steps_per_execution=steps_an_epoch // 10 if fast else 1
    )
    test = domain.test.as_dataset(50, num_batches=NUM_TEST_TASKS // 50)
    validation = domain.validation.as_dataset(50, num_batches=2)

    def values():
        curve = keras_meta.metrics.adaptation_curve(learner, test, domain.metric)
        return curve.values[:, 0]

    untrained = values()
    started = time.time()
    learner.fit(
        domain.train.as_dataset(batch_size),
        steps_per_epoch=steps_an_epoch,
        epochs=iterations // steps_an_epoch,
        verbose=2,
    )
    seconds = time.time() - started
    generated = values()
    candidates = [
        baselines.FineTuning(model, rate, domain.steps, head)
        for model, head in forms
        for rate in domain.rates
    ]
    tuning, position = baselines.choose(candidates, validation, domain.metric, loss)
    tuned = tuning.task_values(test, domain.metric, loss)[:, : position + 1]
    gain = generated[:, None] - np.stack([untrained, tuned[:, -1]], 1)
    gain = -gain if domain.lower_is_better else gain
    mean, half_width = keras_meta.metrics.task_interval(gain)
    result = {
        "generated": record.interval(generated, 5),
        "written_before_training": record.interval(untrained, 5),
        "fine_tuned_from_scratch": {
            **record.interval(tuned[:, -1], 5),
            "chosen_on_validation_tasks": f"{tuning.model.name}: {tuning.settings[position]}",
            "weights": tuning.model.count_params(),
            "before_a_step": record.interval(tuned[:, 0], 5),
        },
        "paired_gain_over_untrained": record.interval(gain[:, 0], 5),
        "paired_gain_over_fine_tuned": record.interval(gain[:, 1], 5),
        "beats_both": bool((mean > half_width).all()),
        "weights_of_the_generator": learner.count_params(),
        "iterations": int(learner.optimizer.iterations),
        "seconds_of_training": round(seconds, 1),
    }
    print(json.dumps(result, indent=2), flush=True)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="omniglot28.npz")
    parser.add_argument("--out", default="benchmarks/results/learner_generator.json")
    parser.add_argument("--sinusoid-iterations", type=int, default=20000)
    parser.add_argument("--omniglot-iterations", type=int, default=5000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments = parser.parse_args()
    keras_meta.config.one_task_per_core()
    seeds = " ".join(map(str, arguments.seeds))
    out = pathlib.Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "command": "python benchmarks/learner_generator.py --data omniglot28.npz "
        f"--sinusoid-iterations {arguments.sinusoid_iterations} "
        f"--omniglot-iterations {arguments.omniglot_iterations} --seeds {seeds}",
        "test_tasks": NUM_TEST_TASKS,
        "versions": record.versions(),
        "runs": [],
    }
    if out.exists():
        before = json.loads(out.read_text())
        # What the same command has measured stays; each run is independent of the others.
        if before["command"] == result["command"]:
            result["runs"] = before["runs"]
    done = {(run["tasks"], run["learner"], run["seed"]) for run in result["runs"]}
    for seed in arguments.seeds:
        settings = {
            "sinusoids, squared error": (Sinusoids(seed), arguments.sinusoid_iterations, 25),
            "omniglot 5-way 1-shot, accuracy": (
                Omniglot(seed, arguments.data),
                arguments.omniglot_iterations,
                32,
            ),
        }
        for task, (domain, iterations, batch_size) in settings.items():
            for kind, (writes, loss, forms) in domain.kinds(seed).items():
                if (task, kind, seed) in done:
                    continue
                print(f"{task}, {kind}, seed {seed}", flush=True)
                keras.utils.set_random_seed(seed)
                figures = measure(domain, writes, loss, forms, seed, iterations, batch_size)
                result["runs"].append({"tasks": task, "learner": kind, "seed": seed, **figures})
                out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
