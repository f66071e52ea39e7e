"""A table of groups from a file to learners beside baselines, with intervals, in one command.

    python benchmarks/grouped_regression.py --data life.csv --task country --y life_expectancy

Each learner is trained by `keras-meta train` with one seed, and the one with the least loss on
validation groups with every seed, which also draws the split. Those runs are evaluated by
`keras-meta evaluate` on groups that neither trained nor chose anything. Other options are those of
`keras-meta train`.
"""

import argparse
import csv
import json
import pathlib
import tempfile
import time

import record

from keras_meta import cli

LEARNERS = ("ridge", "maml", "anil", "cavia", "generator")


def run(*arguments):
    """Runs a command of `keras-meta`."""
    if cli.main([str(argument) for argument in arguments]):
        raise SystemExit(f"This command failed: keras-meta {' '.join(map(str, arguments))}")


def trained(folder, options, learner, seed):
    """Trains unless it has been; returns the folder of the run and what is known of it."""
    out = folder / f"{learner}-{seed}"
    run("train", *options, "--learner", learner, "--seed", seed, "--out", out)
    with (out / "history.csv").open() as file:
        losses = [float(row["val_loss"]) for row in csv.DictReader(file)]
    return out, {"validation_loss": round(min(losses), 4), "best_epoch": losses.index(min(losses))}


def evaluated(out, tasks):
    """Evaluates a run; returns its report in the form of the other benchmarks."""
    run("evaluate", out, "--tasks", tasks)
    found = json.loads((out / "evaluation.json").read_text())

    # Keras numbers the names of learners.
    means = dict(
        zip(["the learner", *list(found["mean"])[1:]], found["mean"].values(), strict=True)
    )

    def interval(pair):
        return {"mean": round(pair[0], 4), "half_width_95": round(pair[1], 4)}

    return {
        "tasks": found["tasks"],
        "mean_squared_error": {name: interval(pair) for name, pair in means.items()},
        "less_baselines_paired": {
            name: interval(pair) for name, pair in found["paired_difference"].items()
        },
        "settings": found["settings"],
        "covered": interval(found["intervals"]["covered"]),
        "width": interval(found["intervals"]["width"]),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--task", required=True)
    parser.add_argument("--y", required=True)
    parser.add_argument("--learners", nargs="+", default=LEARNERS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--tasks", type=int, default=600, help="at most, to evaluate on")
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("benchmarks/results/grouped_tables.json")
    )
    arguments, others = parser.parse_known_args()
    started, name = time.time(), arguments.data.stem
    options = ["--data", arguments.data, "--task", arguments.task, "--y", arguments.y, *others]
    shown = ["--data", arguments.data.name, *map(str, options[2:])]
    result = {"command": f"python benchmarks/grouped_regression.py {' '.join(shown)}"}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        result["learners"] = {
            learner: trained(folder, options, learner, arguments.seeds[0])[1]
            for learner in arguments.learners
        }
        chosen = min(result["learners"], key=lambda x: result["learners"][x]["validation_loss"])
        result["chosen"] = chosen
        for seed in arguments.seeds:
            out, of_run = trained(folder, options, chosen, seed)
            result[f"seed {seed}"] = {**of_run, **evaluated(out, arguments.tasks)}
    result["seconds"] = round(time.time() - started)
    result["versions"] = record.versions()
    tables = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    record.write(arguments.out, {**tables, name: result})


if __name__ == "__main__":
    main()
