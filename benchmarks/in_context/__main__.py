"""Compares in-context learning with scikit-learn on real small tables.

    python benchmarks/in_context --data FOLDER --tables validation --out RESULTS.json

Scores are kept in `--folder` after each split, and a run that was interrupted goes on where it
was. Choices are made on `--tables validation`; the figures to publish are those of `--tables
evaluation`. With other `--weights` or `--members`, `--label` names the results beside the others.
"""

import argparse
import json
import os
import pathlib
import platform
import shlex

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import sklearn
import tables as real_tables
import tensorflow as tf
from evaluation import evaluate
from methods import methods
from report import METRICS, printed, summary

import keras_meta
from keras_meta.in_context.weights import read_card

# These choose where something is, and not how it is done.
_OF_THE_RUN = ("data", "folder", "out")


def options():
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="folder of the repositories, see tables.py")
    parser.add_argument("--tables", choices=["validation", "evaluation"], default="validation")
    parser.add_argument("--kinds", nargs="+", choices=list(METRICS), default=list(METRICS))
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--methods", nargs="+", help="(default: all)")
    parser.add_argument("--weights", help="of the in-context learner (default: the library's)")
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--label", default="in-context", help="its name in the results")
    folder = pathlib.Path("runs/in_context")
    parser.add_argument("--folder", type=pathlib.Path, default=folder, help="of scores by split")
    parser.add_argument("--out", type=pathlib.Path, help=".json file of the summary")
    return parser.parse_args()


def main():
    """Runs what is missing, and prints the summary."""
    arguments = options()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    file = arguments.folder / f"{arguments.tables}.json"
    scores = json.loads(file.read_text()) if file.exists() else {kind: {} for kind in METRICS}
    of_use = getattr(real_tables, arguments.tables.upper())
    for kind in arguments.kinds:
        run(arguments, kind, of_use[kind], scores, file)
    found = summary(scores, arguments.label)
    print(printed(found, arguments.label))
    if arguments.out:
        arguments.out.write_text(json.dumps(record(arguments, found), indent=1) + "\n")


def run(arguments, kind, of_kind, scores, file):
    """Adds the scores that are missing, split by split."""
    compared = methods(kind, arguments.weights, arguments.members)
    if arguments.methods:
        compared = {name: make for name, make in compared.items() if name in arguments.methods}
    for table in of_kind:
        x, y = real_tables.read(table, arguments.data)
        for number in range(arguments.splits):
            for name, make in compared.items():
                label = arguments.label if name == "in-context" else name
                key = f"{table.name}|{number}|{label}"
                if key not in scores[kind]:
                    scores[kind][key] = evaluate(make, x, y, number, kind)
            file.write_text(json.dumps(scores, indent=0) + "\n")


def record(arguments, found):
    """What is published: the command, the weights, the versions, and the summary."""
    command = ["python benchmarks/in_context --data tables"]
    for key, value in vars(arguments).items():
        if value is not None and key not in _OF_THE_RUN:
            values = value if isinstance(value, list) else [value]
            command.append(f"--{key} {shlex.join(map(str, values))}")
    card = read_card(arguments.weights)
    return {
        "command": " ".join(command),
        "weights": {key: card[key] for key in ("sha256", "step", "hours")},
        **found,
        "versions": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "scikit-learn": sklearn.__version__,
            "keras_meta": keras_meta.__version__,
        },
    }


if __name__ == "__main__":
    main()
