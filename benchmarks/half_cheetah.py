"""Trains policy gradient MAML on half-cheetahs that run forward or backward.

    python benchmarks/half_cheetah.py --seed 0

A run that is stopped goes on where it stopped when the command is repeated.
"""

import argparse
import json
import pathlib
import time

import keras
import numpy as np
import record

import keras_meta
from keras_meta.environments.half_cheetah import half_cheetah_direction

PUBLISHED = {"0": -50.69, "1": 293.19, "2": 313.48, "3": 315.65}
EVALUATION_SEED = 1000


class Timer(keras.callbacks.Callback):
    """Appends a line for each outer step to a file."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def on_train_batch_begin(self, batch, logs=None):
        self.started = time.time()

    def on_train_batch_end(self, batch, logs=None):
        line = {"seconds": round(time.time() - self.started, 2)}
        line |= {key: round(float(value), 3) for key, value in logs.items()}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        # The returns are means since the start of the epoch; each line is to be of one step.
        self.model.reset_metrics()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--tasks", type=int, default=20, help="in a batch")
    parser.add_argument("--decay", type=float, default=0.9, help="of advantages")
    parser.add_argument("--regularization", type=float, default=1e-5, help="of the baseline")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("runs/half_cheetah"))
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("benchmarks/results"))
    arguments = parser.parse_args()
    seed = arguments.seed
    keras_meta.config.one_task_per_core()
    keras.utils.set_random_seed(seed)
    environment = half_cheetah_direction(seed=seed)
    hidden = [keras.layers.Dense(100, "tanh") for _ in range(2)]
    means = keras.Sequential([keras.Input((17,)), *hidden, keras.layers.Dense(6)])
    learner = keras_meta.learners.PolicyGradientMAML(
        keras_meta.networks.gaussian_policy(means),
        environment,
        inner_learning_rate=0.1,
        baseline=keras_meta.policy_gradients.LinearBaseline(
            decay=arguments.decay, regularization=arguments.regularization
        ),
        eval_inner_steps=3,
        num_episodes=20,
        seed=seed,
    )
    learner.compile()
    folder = arguments.folder / str(seed)
    folder.mkdir(parents=True, exist_ok=True)
    resume = keras_meta.callbacks.ExactResume(folder / "checkpoints", save_every=5)
    learner.fit(
        environment.as_dataset(arguments.tasks, start=resume.step),
        steps_per_epoch=arguments.iterations,
        initial_epoch=resume.epoch,
        epochs=1,
        callbacks=[resume, Timer(folder / "steps.jsonl")],
        verbose=0,
    )
    lines = [json.loads(line) for line in (folder / "steps.jsonl").read_text().splitlines()]
    unseen = half_cheetah_direction(seed=EVALUATION_SEED).as_dataset(40, num_batches=1)
    returns = np.asarray(learner.predict(unseen, verbose=0))
    result = {
        "command": f"python benchmarks/half_cheetah.py --seed {seed} "
        f"--iterations {arguments.iterations} --tasks {arguments.tasks} "
        f"--decay {arguments.decay} --regularization {arguments.regularization}",
        "published_return_after_updates": PUBLISHED,
        "hours": round(sum(line["seconds"] for line in lines) / 3600, 2),
        "environment_steps": arguments.iterations * arguments.tasks * 2 * 20 * 100,
        "return_after_updates": [round(float(x), 2) for x in returns.mean(0)],
        "half_width_95": [
            round(float(x), 2) for x in 1.96 * returns.std(0, ddof=1) / len(returns) ** 0.5
        ],
        "tasks": len(returns),
        "training_return_by_10_steps": {
            key: [
                round(float(np.mean([line[key] for line in lines[i : i + 10]])), 1)
                for i in range(0, len(lines), 10)
            ]
            for key in ("return_0", "return_1")
        },
        "versions": record.versions(),
    }
    out = arguments.out / f"half_cheetah_seed_{seed}.json"
    out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
