"""Compares in-context learning with scikit-learn on real small tables.

    python benchmarks/in_context --data FOLDER --tables validation --out RESULTS.json

Results are written after each split, and a run that was interrupted goes on where it was. Choices
are made on `--tables validation`; the figures to publish are those of `--tables evaluation`.
"""

import argparse
import json
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tables as real_tables
from evaluation import evaluate
from methods import methods
from report import report

_METRICS = {"classes": ("area", "log_loss", "accuracy"), "numbers": ("r2", "mean_absolute_error")}


def main():
    """Runs what is missing, and prints the report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="folder of the repositories, see tables.py")
    parser.add_argument("--tables", choices=["validation", "evaluation"], default="validation")
    parser.add_argument("--kinds", nargs="+", choices=list(_METRICS), default=list(_METRICS))
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--methods", nargs="+", help="(default: all)")
    parser.add_argument("--weights", help="of the in-context learner (default: the library's)")
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--label", default="in-context", help="its name in the results")
    parser.add_argument("--out", required=True, help=".json file of results")
    options = parser.parse_args()
    out = pathlib.Path(options.out)
    results = json.loads(out.read_text()) if out.exists() else {kind: {} for kind in _METRICS}
    of_use = getattr(real_tables, options.tables.upper())
    for kind in options.kinds:
        run(options, kind, of_use[kind], results, out)
    for kind in options.kinds:
        for metric in _METRICS[kind]:
            print(*report(results[kind], metric, options.label), "", sep="\n")


def run(options, kind, of_kind, results, out):
    """Adds the results that are missing, split by split."""
    compared = methods(kind, options.weights, options.members)
    if options.methods:
        compared = {name: make for name, make in compared.items() if name in options.methods}
    for table in of_kind:
        x, y = real_tables.read(table, options.data)
        for number in range(options.splits):
            for name, make in compared.items():
                label = options.label if name == "in-context" else name
                key = f"{table.name}|{number}|{label}"
                if key not in results[kind]:
                    results[kind][key] = evaluate(make, x, y, number, kind)
            out.write_text(json.dumps(results, indent=0) + "\n")


if __name__ == "__main__":
    main()
