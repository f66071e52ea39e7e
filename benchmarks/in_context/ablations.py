"""What parts of the prior, depth, members and hours are worth, on the validation tables.

    python benchmarks/in_context/ablations.py --data FOLDER --kept runs/tables

Small networks are trained for the same steps with parts left out. The weights that the training of
the library's network has kept, in `--kept`, show what hours are worth. What was interrupted goes on
where it was when the command is repeated.
"""

import argparse
import json
import pathlib
import subprocess
import sys

from report import summary

from keras_meta.in_context.train import MECHANISMS

SMALL = ["--width", "64", "--blocks", "4", "--optimizer", "muon", "--learning-rate", "2e-3"]
TRAINED = {
    "all": [],
    "2 blocks": ["--blocks", "2"],
    "6 blocks": ["--blocks", "6"],
    "linear functions alone": ["--mechanisms", "linear"],
    **{
        f"without {name}": ["--mechanisms", *(other for other in MECHANISMS if other != name)]
        for name in ("network", "trees", "waves")
    },
}
MEMBERS = (1, 2, 4, 8, 16)
GROUPS = ("parts", "members", "hours")


def main():
    """Trains and measures what is missing, and writes what is known."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder of the repositories, see tables.py")
    parser.add_argument("--kept", type=pathlib.Path, help="folder of the library's training")
    parser.add_argument("--steps", type=int, default=2000, help="of the small networks")
    parser.add_argument("--splits", type=int, default=5)
    folder = pathlib.Path("runs/in_context_ablations")
    parser.add_argument("--folder", type=pathlib.Path, default=folder)
    out = pathlib.Path("benchmarks/results/in_context_ablations.json")
    parser.add_argument("--out", type=pathlib.Path, default=out)
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=GROUPS)
    arguments = parser.parse_args()
    if "hours" in arguments.groups and arguments.kept is None:
        parser.error("hours need --kept, the folder of a training")
    found = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    found["command"] = (
        "python benchmarks/in_context/ablations.py --data tables --kept runs/tables "
        f"--steps {arguments.steps} --splits {arguments.splits}"
    )
    for group in arguments.groups:
        found[group] = measured(arguments, group, settings(arguments, group))
        arguments.out.write_text(json.dumps(found, indent=1) + "\n")


def settings(arguments, group):
    """The options of the comparison for each member of a group, by name."""
    if group == "parts":
        return {name: ["--weights", str(trained(arguments, name))] for name in TRAINED}
    if group == "members":
        return {str(count): ["--members", str(count)] for count in MEMBERS}
    kept = sorted(arguments.kept.glob("weights_*.npz"), key=steps_of)
    hours = [json.loads(file.with_suffix(".json").read_text())["hours"] for file in kept]
    return {
        f"{steps_of(file):,} steps, {hour} hours": ["--weights", str(file)]
        for file, hour in zip(kept, hours, strict=True)
    }


def steps_of(file):
    """The step at which a file of weights was kept."""
    return int(file.stem.partition("_")[2])


def trained(arguments, name):
    """Trains a small network; returns the file of its weights."""
    folder = arguments.folder / name.replace(" ", "_")
    program = [sys.executable, "-m", "keras_meta.in_context.train", "--folder", str(folder)]
    steps = ["--steps", str(arguments.steps)]
    file = folder / f"weights_{arguments.steps}.npz"
    if not file.exists():
        subprocess.run([*program, *SMALL, *TRAINED[name], *steps], check=True)
    return file


def measured(arguments, group, options):
    """Measures a network with each of some options; returns means, without those by table."""
    folder = arguments.folder / group.replace(" ", "_")
    program = [sys.executable, str(pathlib.Path(__file__).parent), "--data", arguments.data]
    shared = ["--methods", "in-context", "--splits", str(arguments.splits)]
    for label, chosen in options.items():
        place = ["--folder", str(folder), "--label", label]
        subprocess.run([*program, *shared, *place, *chosen], check=True)
    scores = json.loads((folder / "validation.json").read_text())
    means = {label: {} for label in options}
    for metrics in summary(scores, next(iter(options))).values():
        for metric in {"area", "log_loss", "accuracy", "r2"} & set(metrics):
            for label, x in metrics[metric].items():
                means[label][metric] = x["mean"]
    return means


if __name__ == "__main__":
    main()
