"""Trains MAML on Omniglot, 5-way 1-shot, and writes what it reached to a JSON file.

    python benchmarks/omniglot.py --data omniglot28.npz

The file holds `images` [32460, 28, 28], `character_id` (1..1623, 20 drawings each) and
`vinyals_split_by_character` (0 train, 1 validation, 2 test). As in the paper, training uses 1200
characters in four rotations each: here those of the training and validation splits, since nothing
is selected by validation. Evaluation uses the upright characters of the test split, which shares no
character with them.
"""

import argparse
import json
import pathlib
import time

import keras
import numpy as np
import record

import keras_meta


def load(path):
    """Returns `(images, labels)` for training and for test."""
    with np.load(path) as file:
        images, labels = file["images"][..., None], file["character_id"]
        is_test = file["vinyals_split_by_character"][labels - 1] == 2
    return (images[~is_test], labels[~is_test]), (images[is_test], labels[is_test])


def curve(learner, sampler, num_tasks, steps):
    """Accuracy after each inner step, as plain lists."""
    episodes = sampler.as_dataset(50, num_batches=num_tasks // 50)
    result = keras_meta.metrics.adaptation_curve(learner, episodes, steps=steps)
    print(result)
    return {
        "tasks": len(result.values),
        "queries_a_task": result.num_queries,
        "batch_norm": result.batch_norm,
        "accuracy_by_step": [round(float(x), 5) for x in result.mean],
        "half_width_95": [round(float(x), 5) for x in result.half_width],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="omniglot28.npz")
    parser.add_argument("--out", default="benchmarks/results/omniglot_maml_5way_1shot.json")
    parser.add_argument("--run", default="runs/omniglot", help="folder of checkpoints")
    parser.add_argument("--iterations", type=int, default=20000)
    parser.add_argument("--inner-learning-rate", type=float, default=0.4)
    parser.add_argument("--batch-norm", default="transductive")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    keras_meta.config.one_task_per_core()

    train_data, test_data = load(arguments.data)
    tasks = {"num_ways": 5, "num_shots": 1, "num_queries": 1}
    train = keras_meta.episodes.EpisodeSampler(
        *keras_meta.episodes.with_rotations(*train_data), **tasks, seed=arguments.seed
    )
    test = keras_meta.episodes.EpisodeSampler(*test_data, **tasks, seed=arguments.seed + 1)
    learner = keras_meta.learners.MAML(
        keras_meta.networks.Conv4(num_ways=5, seed=arguments.seed),
        inner_learning_rate=arguments.inner_learning_rate,
        inner_steps=1,
        eval_inner_steps=3,
        batch_norm=arguments.batch_norm,
        seed=arguments.seed,
    )
    learner.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, arguments.iterations)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    run = pathlib.Path(arguments.run)
    run.mkdir(parents=True, exist_ok=True)
    iterations_an_epoch = min(500, arguments.iterations)
    epoch_ends = [time.time()]
    learner.fit(
        train.as_dataset(batch_size=32),
        steps_per_epoch=iterations_an_epoch,
        epochs=arguments.iterations // iterations_an_epoch,
        shuffle=False,
        verbose=2,
        callbacks=[
            keras.callbacks.BackupAndRestore(run / "backup"),
            keras.callbacks.CSVLogger(run / "history.csv", append=True),
            keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: epoch_ends.append(time.time())),
        ],
    )
    learner.save(run / "maml.keras")

    result = {
        "command": "python benchmarks/omniglot.py --data omniglot28.npz "
        f"--iterations {arguments.iterations} --batch-norm {arguments.batch_norm} "
        f"--inner-learning-rate {arguments.inner_learning_rate} --seed {arguments.seed}",
        "seed": arguments.seed,
        "iterations": int(learner.optimizer.iterations),
        "seconds": round(epoch_ends[-1] - epoch_ends[0], 1),
        "milliseconds_an_iteration_median_over_epochs": round(
            1000 * float(np.median(np.diff(epoch_ends))) / iterations_an_epoch, 1
        ),
        "test": {},
        "versions": record.versions(),
    }
    modes = (
        {arguments.batch_norm, "support"}
        if arguments.batch_norm == "transductive"
        else {arguments.batch_norm}
    )
    for mode in sorted(modes, reverse=True):
        learner.batch_norm = mode
        result["test"][mode] = curve(learner, test, num_tasks=4000, steps=3)
    out = pathlib.Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
