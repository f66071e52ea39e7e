"""Outer steps and estimators side by side on navigation, and the time of each part of a step.

    python benchmarks/policy_gradients.py

Each method has as many environment steps, from the same initial policies. Returns are of unseen
goals, after one update of the rate that was used in training.
"""

import argparse
import json
import pathlib
import statistics
import time

import keras
import numpy as np
import record
import tensorflow as tf

import keras_meta
from keras_meta.policy_gradients import PPO, TRPO, PolicyGradient, acting

EVALUATION_SEED = 1000
METHODS = {
    "TRPO, log-likelihood": {"outer_rule": TRPO},
    "TRPO, log-likelihood, first order": {"outer_rule": TRPO, "first_order": True},
    "TRPO, E-MAML": {"outer_rule": TRPO, "estimator": "e_maml"},
    "TRPO, low-variance curvature": {"outer_rule": TRPO, "estimator": "low_variance_curvature"},
    "TRPO, DiCE": {"outer_rule": TRPO, "estimator": "dice"},
    "TRPO, loaded DiCE": {"outer_rule": TRPO, "estimator": "loaded_dice"},
    "PPO, log-likelihood": {"outer_rule": PPO},
    "PPO, low-variance curvature (ProMP)": {
        "outer_rule": PPO,
        "estimator": "low_variance_curvature",
    },
    "policy gradient, log-likelihood": {"outer_rule": PolicyGradient},
}


def learner_of(seed, outer_rule, **settings):
    keras.utils.set_random_seed(seed)
    hidden = [keras.layers.Dense(100, "relu") for _ in range(2)]
    means = keras.Sequential([keras.Input((2,)), *hidden, keras.layers.Dense(2)])
    environment = keras_meta.environments.Navigation(seed=seed)
    learner = keras_meta.learners.PolicyGradientMAML(
        keras_meta.networks.gaussian_policy(means),
        environment,
        inner_learning_rate=0.1,
        outer_rule=outer_rule(),
        seed=seed,
        **settings,
    )
    learner.compile(keras.optimizers.Adam(1e-3))
    return learner


def measure(settings, seed, iterations, tasks):
    """Trains from one seed; returns the mean returns in unseen goals and seconds a step."""
    learner = learner_of(seed, **settings)
    data = learner.environment.as_dataset(tasks)
    learner.fit(data, steps_per_epoch=1, verbose=0)  # traces
    data = learner.environment.as_dataset(tasks, start=1)
    started = time.time()
    learner.fit(data, steps_per_epoch=iterations - 1, verbose=0)
    seconds = (time.time() - started) / (iterations - 1)
    unseen = keras_meta.environments.Navigation(seed=EVALUATION_SEED)
    found = np.asarray(learner.predict(unseen.as_dataset(40, num_batches=3), verbose=0))
    return found.mean(0), seconds


def parts(tasks):
    """Milliseconds of the parts of a step: medians of repeated calls."""
    learner = learner_of(0, TRPO)
    (goals,) = learner.environment.as_dataset(tasks, num_batches=1)
    learner.fit(learner.environment.as_dataset(tasks), steps_per_epoch=1, verbose=0)
    state = acting.start(learner, tasks)
    functions = {
        "rollout and advantages": tf.function(
            lambda goals: acting.act(learner, goals, state, 0, 0).experience.advantages
        ),
        "rollouts and inner step": tf.function(
            lambda goals: acting.gather(learner, goals, True)[1].predictions
        ),
        "whole step": tf.function(lambda goals: learner.outer_update(goals).loss),
    }
    medians = {}
    for name, function in functions.items():
        function(goals)
        times = []
        for _ in range(7):
            started = time.perf_counter()
            np.asarray(function(goals))
            times.append(1000 * (time.perf_counter() - started))
        medians[name] = round(statistics.median(times), 1)
    return medians


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("--tasks", type=int, default=20, help="goals in a batch")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("benchmarks/results/policy_gradients.json")
    )
    arguments = parser.parse_args()
    keras_meta.config.one_task_per_core()
    seeds = " ".join(map(str, arguments.seeds))
    result = {
        "command": f"python benchmarks/policy_gradients.py --seeds {seeds} "
        f"--iterations {arguments.iterations} --tasks {arguments.tasks}",
        "environment_steps": arguments.iterations * arguments.tasks * 2 * 20 * 100,
        "milliseconds_of_parts": parts(arguments.tasks),
        "methods": {},
        "versions": record.versions(),
    }
    print(result["milliseconds_of_parts"], flush=True)
    for name in arguments.methods:
        runs = [
            measure(METHODS[name], seed, arguments.iterations, arguments.tasks)
            for seed in arguments.seeds
        ]
        result["methods"][name] = {
            "return_before_by_seed": [round(float(found[0]), 2) for found, _ in runs],
            "return_after_1_by_seed": [round(float(found[1]), 2) for found, _ in runs],
            "seconds_a_step": round(statistics.median(seconds for _, seconds in runs), 2),
        }
        print(name, result["methods"][name], flush=True)
        arguments.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
