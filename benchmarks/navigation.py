"""Policies that find an unseen goal: returns after 0 to 3 updates, to a JSON file and a picture.

    python benchmarks/navigation.py

The setting is that of section 5.3 of Finn et al., 2017: a point moves in the plane, 20 episodes of
100 steps for each update, 40 goals a batch, a policy of two hidden layers of 100 units. Of the
policies after every 10 outer steps the one is kept that is best after one update in validation
goals. Baselines have as many environment steps: a policy trained on pooled goals, and a random one,
each adapted with the learning rates that are best in validation goals. A run that is stopped goes
on where it stopped when the command is repeated.
"""

import argparse
import json
import pathlib
import time

import keras
import numpy as np
import record

import keras_meta
from keras_meta import plotting

PUBLISHED = {"0": -40.41, "1": -11.68, "2": -3.33, "3": -3.23}
UPDATES = 3
VALIDATION_SEED, TEST_SEED = 2000, 1000
VALIDATION_BATCHES, TEST_BATCHES = 5, 50  # of 40 goals
RATES = [0.03, 0.1, 0.3, 1.0, 3.0]


def policy(seed):
    keras.utils.set_random_seed(seed)
    hidden = [keras.layers.Dense(100, "relu") for _ in range(2)]
    means = keras.Sequential([keras.Input((2,)), *hidden, keras.layers.Dense(2)])
    return keras_meta.networks.gaussian_policy(means)


def learner_of(model, inner_steps, seed, rates=(0.1, 0.1)):
    """Returns a learner whose first inner step has the first rate, and all others the second."""
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0], list(rates))
    learner = keras_meta.learners.PolicyGradientMAML(
        model,
        keras_meta.environments.Navigation(seed=seed),
        inner_steps=inner_steps,
        eval_inner_steps=UPDATES,
        inner_optimizer=keras_meta.inner_optimizers.SGD(schedule),
        seed=seed,
    )
    learner.compile()
    return learner


def train(inner_steps, iterations, tasks, seed, folder):
    """Trains from one seed; returns the policy and the seconds that it took."""
    learner = learner_of(policy(seed), inner_steps, seed)
    folder = folder / f"{inner_steps}_steps_seed_{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    best = keras.callbacks.EarlyStopping(
        "val_return_1",
        mode="max",
        patience=iterations,
        restore_best_weights=True,
    )
    resume = keras_meta.callbacks.ExactResume(folder, save_every=10, callbacks=[best])
    validation = keras_meta.environments.Navigation(seed=VALIDATION_SEED)
    clock, started = folder / "seconds", time.time()
    before = float(clock.read_text()) if clock.exists() else 0.0
    learner.fit(
        learner.environment.as_dataset(tasks, start=resume.step),
        steps_per_epoch=10,
        initial_epoch=resume.epoch,
        epochs=iterations // 10,
        validation_data=validation.as_dataset(40, num_batches=VALIDATION_BATCHES),
        callbacks=[best, resume],
        verbose=2,
    )
    if resume.step < iterations:
        clock.write_text(str(before + time.time() - started))
    return learner.model, before + time.time() - started


def returns(model, rates, goals_seed, batches):
    """Returns after each update in unseen goals: array `[goals, updates + 1]`."""
    learner = learner_of(model, 1, 0, rates)
    goals = keras_meta.environments.Navigation(seed=goals_seed)
    return np.asarray(learner.predict(goals.as_dataset(40, num_batches=batches), verbose=0))


def measure(model):
    """Chooses the rates on validation goals, and returns them with the returns in test goals."""
    choices = [(first, factor * first) for first in RATES for factor in (0.5, 1.0)]
    # The rate of the first update by the return after it; that of the others by the last return.
    found = {
        rates: returns(model, rates, VALIDATION_SEED, VALIDATION_BATCHES).mean(0)
        for rates in choices
    }
    first = max(RATES, key=lambda rate: np.nan_to_num(found[rate, rate][1], nan=-np.inf))
    rates = max(
        [(first, 0.5 * first), (first, first)],
        key=lambda pair: np.nan_to_num(found[pair][UPDATES], nan=-np.inf),
    )
    return rates, returns(model, rates, TEST_SEED, TEST_BATCHES)


def references():
    """Returns in the test goals of agents that need no learning.

    The second one moves as far for every goal, in its direction: as far as is best over all goals.
    """
    batches = keras_meta.environments.Navigation(seed=TEST_SEED).as_dataset(
        40, num_batches=TEST_BATCHES
    )
    distances = np.concatenate([np.linalg.norm(goals, axis=-1) for goals in batches])[:, None]
    way = 0.1 * np.arange(1, 101)

    def mean_return(length):
        return float(-np.abs(distances - np.minimum(way, length)).sum(1).mean())

    return {
        "standing still": round(mean_return(0.0), 2),
        "one length for all goals": round(max(map(mean_return, np.arange(0.3, 0.5, 0.01))), 2),
        "perfect": round(mean_return(distances), 2),
    }


def picture(model, rates, path):
    """Draws episodes in three unseen goals, before and after each update."""
    learner = learner_of(model, 1, 0, rates)
    (goals,) = keras_meta.environments.Navigation(seed=TEST_SEED).as_dataset(3, num_batches=1)
    stages = learner.trajectories(goals)
    names = ["before", *(f"after {k}" for k in range(1, UPDATES + 1))]
    figure = plotting.plot_paths(dict(zip(names, stages, strict=True)), goals)
    figure.savefig(path, dpi=80)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--iterations", type=int, default=100)
    parser.add_argument("--tasks", type=int, default=40, help="goals in a batch")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("runs/navigation"))
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("benchmarks/results"))
    arguments = parser.parse_args()
    keras_meta.config.one_task_per_core()
    runs = []
    for seed in arguments.seeds:
        # An iteration without inner steps takes half as many environment steps.
        methods = {"maml": (1, 1), "pooled goals": (0, 2)}
        values, run = {}, {"seed": seed}
        for name, (inner_steps, factor) in methods.items():
            iterations = factor * arguments.iterations
            model, seconds = train(inner_steps, iterations, arguments.tasks, seed, arguments.folder)
            rates, values[name] = measure(model)
            run[name] = {
                "seconds": round(seconds),
                "rates": rates,
                **record.interval(values[name], 2),
            }
            if name == "maml" and seed == arguments.seeds[0]:
                picture(model, rates, arguments.out / "navigation_paths.png")
            print(name, run[name], flush=True)
        rates, values["random start"] = measure(policy(seed))
        run["random start"] = {"rates": rates, **record.interval(values["random start"], 2)}
        for name in ("pooled goals", "random start"):
            run[f"maml minus {name}"] = record.interval(values["maml"] - values[name], 2)
        runs.append(run)
        seeds = " ".join(map(str, arguments.seeds))
        result = {
            "command": f"python benchmarks/navigation.py --seeds {seeds} "
            f"--iterations {arguments.iterations} --tasks {arguments.tasks}",
            "published_return_after_updates": PUBLISHED,
            "references": references(),
            "unseen_goals": len(values["maml"]),
            "environment_steps": arguments.iterations * arguments.tasks * 2 * 20 * 100,
            "runs": runs,
            "versions": record.versions(),
        }
        (arguments.out / "navigation.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
