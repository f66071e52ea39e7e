"""Trains MAML on sinusoids and writes its errors on unseen waves to a JSON file.

    python benchmarks/sinusoid.py

The setting is that of table 2 of Finn et al., 2017: training with 10 examples of a wave and one
inner step of rate 0.01; evaluation with 5 examples and up to 10 steps.
"""

import argparse
import json
import pathlib
import platform
import time

import keras
import tensorflow as tf

import keras_meta

PUBLISHED = {"1": 0.67, "5": 0.38, "10": 0.35}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="benchmarks/results/sinusoid_maml.json")
    parser.add_argument("--iterations", type=int, default=70000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    keras_meta.config.one_task_per_core()

    learner = keras_meta.learners.MAML(
        keras_meta.networks.SinusoidMLP(seed=arguments.seed),
        inner_learning_rate=0.01,
        inner_steps=1,
        seed=arguments.seed,
    )
    rate = keras.optimizers.schedules.CosineDecay(1e-3, arguments.iterations)
    learner.compile(keras.optimizers.Adam(rate), loss="mse", steps_per_execution=100)
    waves = keras_meta.episodes.Sinusoid(num_shots=10, num_queries=10, seed=arguments.seed)
    started = time.time()
    learner.fit(
        waves.as_dataset(batch_size=25),
        steps_per_epoch=5000,
        epochs=max(1, arguments.iterations // 5000),
        shuffle=False,
        verbose=2,
    )
    seconds = time.time() - started

    unseen = keras_meta.episodes.Sinusoid(num_shots=5, num_queries=100, seed=arguments.seed + 1)
    curve = keras_meta.metrics.adaptation_curve(
        learner, unseen.as_dataset(100, num_batches=6), metric="mse", steps=10
    )
    print(curve)
    result = {
        "command": f"python benchmarks/sinusoid.py --iterations {arguments.iterations} "
        f"--seed {arguments.seed}",
        "seed": arguments.seed,
        "iterations": int(learner.optimizer.iterations),
        "seconds": round(seconds, 1),
        "tasks": len(curve.values),
        "queries_a_task": curve.num_queries,
        "mse_by_step": [round(float(x), 4) for x in curve.mean],
        "half_width_95": [round(float(x), 4) for x in curve.half_width],
        "published_mse_after_steps": PUBLISHED,
        "versions": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "keras_meta": keras_meta.__version__,
        },
    }
    out = pathlib.Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
