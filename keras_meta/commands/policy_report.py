"""Reports what a policy returns in unseen tasks, before and after each update."""

import math

import numpy as np

from keras_meta import plotting
from keras_meta.commands import policy_building
from keras_meta.metrics import task_interval

_BATCH_SIZE = 20
_PICTURED = 3


def report(folder, config, split="test", tasks=100, steps=None):
    """Measures the learner of a run, prints a table, and writes the results and pictures.

    Args:
        folder: The `RunFolder`.
        config: dict, the options of `keras-meta train`.
        split: `"train"`, `"validation"` or `"test"`.
        tasks: int. Number of tasks.
        steps: int. Number of updates. Defaults to the learner's number at evaluation.
    """
    learner, environment = folder.read_learner(), policy_building.load(config, split)
    if steps is not None:
        learner.eval_inner_steps = steps
    batches = environment.as_dataset(_BATCH_SIZE, num_batches=math.ceil(tasks / _BATCH_SIZE))
    returns = np.asarray(learner.predict(batches, verbose=0))[:tasks]
    mean, half_width = task_interval(returns)
    # Not those of the optimizer, of which an outer step may take several.
    iterations = int(folder.read_history(math.inf)[-1]["iterations"])
    print(
        f"{config['environment']}, split {split}, seed {config['seed']}, trained for {iterations} "
        f"iterations:\nmean return of {config['episodes']} episodes in {len(returns)} unseen "
        "tasks, with 95 % intervals over tasks\n  updates    return"
    )
    for step, (value, half) in enumerate(zip(mean, half_width, strict=True)):
        print(f"  {step:7d}  {value:8.2f} ± {half:.2f}")
    result = {
        "metric": "return",
        "mean_by_step": mean.tolist(),
        "half_width_95_by_step": half_width.tolist(),
        "tasks": len(returns),
        "episodes_a_step": config["episodes"],
        "split": split,
        "seed": config["seed"],
        "iterations": iterations,
    }
    folder.write_json(folder.evaluation_file, result)
    print(f"Written to {folder.evaluation_file}.")
    _draw(folder, learner, environment)


def _draw(folder, learner, environment):
    try:
        figures = {"learning_curve.png": _learning_curve(folder)}
    except ImportError as error:
        print(f"No plots were made. {error}")
        return
    if environment.observation_shape == (2,):
        (goals,) = environment.as_dataset(_PICTURED, num_batches=1)
        stages = learner.trajectories(goals)
        named = {_stage(step): episodes for step, episodes in enumerate(stages)}
        figures["paths.png"] = plotting.plot_paths(named, goals)
    for name, figure in figures.items():
        figure.savefig(folder.path / name, dpi=100)
    print(f"Plots: {', '.join(str(folder.path / name) for name in figures)}.")


def _learning_curve(folder):
    rows = folder.read_history(math.inf)
    names = [name for name in rows[0] if name.startswith("val_return_")]
    curves = {
        _stage(int(name.removeprefix("val_return_"))): [float(row[name]) for row in rows]
        for name in names
    }
    return plotting.learning_curve([int(row["iterations"]) for row in rows], curves, "return")


def _stage(step):
    return f"after {step} update{'s' * (step > 1)}" if step else "before"
