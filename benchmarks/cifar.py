"""Trains one recipe on CIFAR-FS or FC100 and measures it on unseen classes.

    python benchmarks/cifar.py --data cifar100.npz --dataset cifar-fs --recipe prototypes --hours 2

The first start measures the seconds of a step and plans as many steps as fit into the hours; the
plan is kept in the run folder, and a run that was killed goes on by its command and ends at the
same bits. After each of the epochs, tasks of the validation classes are learned, and the weights of
the best epochs are kept. At the end, validation tasks choose for each number of shots: the best
epoch or an ensemble of the best ones, and which head is put on the embedding. The choice is
measured on 2,000 tasks of the test classes, 15 queries a class; each query is predicted on its own
unless the record says "transductive". `--time` only prints the seconds of a step of each stage.
"""

import argparse
import json
import os
import pathlib
import time
import warnings

import keras
import numpy as np
import record
import tensorflow as tf
from cifar_evaluation import QUERIES, SHOTS, measured, tasks_of
from cifar_recipes import RECIPES

import keras_meta
from keras_meta import callbacks, episodes, metrics

DATASETS = {"cifar-fs": episodes.datasets.cifar_fs, "fc100": episodes.datasets.fc100}
TEST_TASKS, CHOICE_TASKS, EPOCH_TASKS = 2000, 400, 100
EPOCHS, KEEP, TIMED_STEPS = 40, 5, 20


class Tasks(keras.callbacks.Callback):
    """Adds the accuracy of a learner on validation tasks, with one and five shots, to the logs."""

    def __init__(self, learner, datasets):
        super().__init__()
        self.learner, self.datasets = learner, datasets

    def on_epoch_end(self, epoch, logs=None):
        values = [metrics.task_values(self.learner, tasks).mean() for tasks in self.datasets]
        for shots, value in zip(SHOTS, values, strict=True):
            logs[f"val_{shots}-shot"] = float(value)
        logs["val_accuracy"] = float(np.mean(values))


class Clock(keras.callbacks.Callback):
    """Adds up the seconds of training in a file, over all starts of a run."""

    def __init__(self, file):
        super().__init__()
        self.file = file

    def on_train_begin(self, logs=None):
        self.last = time.time()

    def on_epoch_end(self, epoch, logs=None):
        before = json.loads(self.file.read_text()) if self.file.exists() else 0.0
        now = time.time()
        self.file.write_text(json.dumps(before + now - self.last))
        self.last = now


def seconds_a_step(stage, recipe, data, arguments):
    """Times a stage on a network of its own: seconds of a step, and those that cores computed."""
    job = stage(recipe.network(arguments.seed), data, TIMED_STEPS, arguments)
    steps = arguments.timed_steps
    job.model.fit(job.stream(0), steps_per_epoch=3, shuffle=False, verbose=0)
    started = np.array([time.time(), time.process_time()])
    job.model.fit(job.stream(0), steps_per_epoch=steps, shuffle=False, verbose=0)
    return (np.array([time.time(), time.process_time()]) - started) / steps


def plan(recipe, data, arguments, run):
    """dict, name of a stage to its number of steps, the same at every start."""
    file = run / "plan.json"
    if file.exists():
        return json.loads(file.read_text())
    planned = {}
    for (name, stage), share in zip(recipe.stages.items(), recipe.shares, strict=True):
        if arguments.steps is not None:
            steps, seconds = share * arguments.steps, None
        else:
            seconds = float(seconds_a_step(stage, recipe, data, arguments)[0])
            steps = share * 3600 * arguments.hours / seconds
        epochs = arguments.epochs
        planned[name] = {"steps": max(1, round(steps / epochs)) * epochs}
        planned[name]["seconds_a_step"] = seconds and round(seconds, 4)
    run.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(planned, indent=2))
    return planned


def train(recipe, data, arguments, run):
    """Trains the stages of a recipe; returns the last `Job` and the files of its best weights."""
    network = recipe.network(arguments.seed)
    validation = [
        tasks_of(data["validation"], shots, arguments.epoch_tasks, arguments.seed + 1)
        for shots in SHOTS
    ]
    for name, planned in plan(recipe, data["train"], arguments, run).items():
        print(name, planned, flush=True)
        steps, epochs = planned["steps"], arguments.epochs
        job = recipe.stages[name](network, data["train"], steps, arguments)
        best = callbacks.BestWeights(run / name / "best", keep=KEEP, model=job.learner)
        resume = callbacks.ExactResume(run / name / "checkpoints", save_every=200)
        if resume.step < steps:
            job.model.fit(
                job.stream(resume.step),
                steps_per_epoch=steps // epochs,
                initial_epoch=resume.epoch,
                epochs=epochs,
                shuffle=False,
                verbose=2,
                callbacks=[
                    resume,
                    *job.callbacks,
                    Tasks(job.learner, validation),
                    best,
                    Clock(run / "seconds.json"),
                ],
            )
        # The next stage goes on from the best epoch of this one.
        job.learner.load_weights(best.files[0])
    return job, best.files


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="CIFAR-100: .npz or folder")
    parser.add_argument("--dataset", choices=DATASETS, default="cifar-fs")
    parser.add_argument("--recipe", choices=RECIPES, required=True)
    parser.add_argument("--hours", type=float, default=1.0, help="of training")
    parser.add_argument("--steps", type=int, help="of training, instead of --hours")
    parser.add_argument(
        "--shots", type=int, default=1, help="of training tasks: maml, second stage"
    )
    parser.add_argument("--batch-size", type=int, default=128, help="of whole-class training")
    parser.add_argument("--plain", action="store_true", help="no augmentation")
    parser.add_argument("--half", action="store_true", help="train in mixed_bfloat16")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="validations of a stage")
    parser.add_argument("--epoch-tasks", type=int, default=EPOCH_TASKS, help="of a validation")
    parser.add_argument("--choice-tasks", type=int, default=CHOICE_TASKS)
    parser.add_argument("--test-tasks", type=int, default=TEST_TASKS)
    parser.add_argument("--time", action="store_true", help="only time the steps")
    parser.add_argument("--timed-steps", type=int, default=TIMED_STEPS)
    parser.add_argument("--run", type=pathlib.Path, default=pathlib.Path("runs/cifar"))
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("benchmarks/results/cifar.json")
    )
    return parser.parse_args()


def main():
    arguments = parsed()
    recipe, load = RECIPES[arguments.recipe], DATASETS[arguments.dataset]
    if arguments.half:
        keras.config.set_dtype_policy("mixed_bfloat16")
    keras_meta.config.one_task_per_core()
    if not recipe.several_tasks:  # all cores work on one batch or one task
        tf.config.threading.set_intra_op_parallelism_threads(os.cpu_count())
        warnings.filterwarnings("ignore", "On a CPU, meta-learning is faster")
    keras.utils.set_random_seed(arguments.seed)
    if arguments.time:
        data = load(arguments.data, "train")
        for name, stage in recipe.stages.items():
            seconds, computed = seconds_a_step(stage, recipe, data, arguments)
            print(
                f"{arguments.recipe}, {name}: {seconds:.4f} s a step; computed on all cores "
                f"together: {computed:.4f} s",
                flush=True,
            )
        return
    data = {split: load(arguments.data, split) for split in ("train", "validation", "test")}
    shots = f", {arguments.shots}-shot training" if recipe.of_shots else ""
    half = ", half precision" if arguments.half else ""
    name = f"{arguments.recipe}{shots}, seed {arguments.seed}{half}"
    run = arguments.run / arguments.dataset / name
    job, files = train(recipe, data, arguments, run)
    keras.config.set_dtype_policy("float32")  # of what is put on the embedding
    result = {
        "command": record.command(),
        "seed": arguments.seed,
        "hours_planned": arguments.hours if arguments.steps is None else None,
        "hours": round(json.loads((run / "seconds.json").read_text()) / 3600, 3),
        "plan": json.loads((run / "plan.json").read_text()),
        "parameters": job.learner.count_params(),
        "test_tasks": arguments.test_tasks,
        "queries_a_class": QUERIES,
        **measured(recipe, job, files, data, arguments),
        "versions": record.versions(),
    }
    before = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    before.setdefault(arguments.dataset, {})[name] = result
    record.write(arguments.out, before)


if __name__ == "__main__":
    main()
