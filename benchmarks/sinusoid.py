"""Trains MAML on sinusoids and writes its errors on unseen waves to a JSON file.

    python benchmarks/sinusoid.py

The setting is that of table 2 of Finn et al., 2017: training with 10 examples of a wave and one
inner step of rate 0.01; evaluation with 5 examples and up to 10 steps, all of that rate, and again
with half of it after the first step.
"""

import argparse
import json
import pathlib
import time

import keras
import numpy as np
import record

import keras_meta

PUBLISHED = {"1": 0.67, "5": 0.38, "10": 0.35}
HALVED = keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.01, 0.005])
STAGE = 10000
VALIDATION_SEED = 1000


def rounded(values):
    """Plain numbers; JSON has none for what diverged."""
    return [round(float(x), 4) if np.isfinite(x) else "diverged" for x in values]


def learner_of(model, rate, seed):
    """Returns MAML with one inner step.

    The gradients of few waves, of large amplitude and with examples close together, are so large
    that they would decide what is learned, and more steps than are trained for would diverge.
    """
    rule = keras_meta.inner_optimizers.SGD(rate, global_clipnorm=60.0)
    return keras_meta.learners.MAML(model, inner_steps=1, inner_optimizer=rule, seed=seed)


def train_and_measure(seed, stages):
    """Trains from one seed; returns the errors on unseen waves after each inner step.

    Each stage ends with the average of its weights. Those of the stage whose error on validation
    waves, after five steps, is the lowest are measured.
    """
    learner = learner_of(keras_meta.networks.SinusoidMLP(seed=seed), 0.01, seed)
    optimizer = keras.optimizers.Adam(1e-3, use_ema=True, ema_momentum=0.9995)
    learner.compile(optimizer, loss="mse", steps_per_execution=100)
    waves = keras_meta.episodes.Sinusoid(num_shots=10, num_queries=10, seed=seed)
    validation, best, seconds = [], None, 0.0
    for stage in range(stages):
        data = waves.as_dataset(batch_size=25, start=stage * STAGE)
        started = time.time()
        learner.fit(data, steps_per_epoch=STAGE, verbose=2)
        seconds += time.time() - started
        validation.append(float(errors(learner.model, HALVED, VALIDATION_SEED).mean[5]))
        if validation[-1] == np.nanmin(validation):
            best = learner.model.get_weights()
    learner.model.set_weights(best)
    return {
        "seed": seed,
        "iterations": int(learner.optimizer.iterations),
        "seconds": round(seconds, 1),
        "validation_mse_after_5_steps_by_stage": rounded(validation),
        "all_steps_alike": summary(errors(learner.model, 0.01, seed + 1)),
        "half_the_rate_after_the_first_step": summary(errors(learner.model, HALVED, seed + 1)),
    }


def errors(model, rate, seed):
    """Returns the `AdaptationCurve` of a trained model on unseen waves."""
    learner = learner_of(model, rate, seed)
    learner.compile(loss="mse")
    unseen = keras_meta.episodes.Sinusoid(num_shots=5, num_queries=100, seed=seed)
    curve = keras_meta.metrics.adaptation_curve(
        learner, unseen.as_dataset(100, num_batches=6), metric="mse", steps=10
    )
    print(curve, flush=True)
    return curve


def summary(curve):
    """Returns what the report tells of a curve."""
    return {
        "tasks": len(curve.values),
        "queries_a_task": curve.num_queries,
        "mse_by_step": rounded(curve.mean),
        "half_width_95": rounded(curve.half_width),
        # The mean hangs on the few waves on which ten steps of this rate diverge.
        "median_over_tasks_by_step": rounded(np.median(curve.values, axis=0)),
        "tasks_that_got_worse_by_step_10": int(
            np.sum(~(curve.values[:, 10] <= curve.values[:, 0]))
        ),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="benchmarks/results/sinusoid_maml.json")
    parser.add_argument("--stages", type=int, default=15, help="of 10,000 iterations")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    keras_meta.config.one_task_per_core()
    seeds = " ".join(map(str, arguments.seeds))
    result = {
        "command": f"python benchmarks/sinusoid.py --stages {arguments.stages} --seeds {seeds}",
        "published_mse_after_steps": PUBLISHED,
        "runs": [train_and_measure(seed, arguments.stages) for seed in arguments.seeds],
        "versions": record.versions(),
    }
    out = pathlib.Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
