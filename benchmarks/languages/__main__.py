"""A model of text that adapts to a language it has not seen: bits a character, to a JSON file.

    python benchmarks/languages --data udhr

Each language is a task: some lines of 64 symbols to adapt to, and other lines to predict. One model
is trained on the text of all training languages, and each learner is meta-trained from its weights;
each baseline has its settings chosen on validation languages, for each number of lines. Everything
is compared on test languages, paired. See `udhr.py` for which text is where: related languages
remain on both sides.

Every learner and every baseline is a stage. A run that is stopped goes on where it stopped when the
command is repeated, and a stage that is done is read from its file in `--folder`. To divide the
work, run it with some of `--learners` or `--baselines` at a time: results are merged.
"""

import argparse
import json
import pathlib
import platform
import sys

import keras
import methods
import stages
import tables
import tasks
import tensorflow as tf

import keras_meta

DYNAMIC = ["pooled", "maml", "meta-sgd"]
BASELINES = ["pooled", "pooled, support as context", "n-gram", "fine-tuned"]
# These choose what is run or where, and not how.
OF_THE_RUN = ("learners", "baselines", "dynamic", "time_steps", "folder", "out", "data")


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder of texts, a language a file")
    parser.add_argument("--scripts", nargs="+", help="such as LATIN; all by default")
    parser.add_argument("--symbols", choices=["bytes", "characters"], default="bytes")
    parser.add_argument("--model", choices=methods.MODELS, default="convolution")
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--length", type=int, default=64, help="symbols in a line")
    parser.add_argument("--lines", type=int, nargs="+", default=[1, 3, 10, 30])
    parser.add_argument("--train-lines", type=int, default=10)
    parser.add_argument("--queries", type=int, default=10, help="lines to predict")
    parser.add_argument("--draws", type=int, default=3, help="of lines of each held-out language")
    parser.add_argument("--pooled-steps", type=int, default=10000)
    parser.add_argument("--iterations", type=int, default=2000, help="of meta-training")
    parser.add_argument("--tasks", type=int, default=8, help="languages in a batch")
    parser.add_argument("--rate", type=float, default=5e-4, help="of the outer steps")
    parser.add_argument("--epoch", type=int, default=100, help="steps between checkpoints")
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--learners", nargs="*", choices=methods.LEARNERS, default=None)
    parser.add_argument("--baselines", nargs="*", choices=BASELINES, default=None)
    parser.add_argument("--dynamic", nargs="*", choices=DYNAMIC, default=None)
    parser.add_argument("--time-steps", action="store_true", help="time a step of each, and stop")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("runs/languages"))
    out = pathlib.Path("benchmarks/results/languages.json")
    parser.add_argument("--out", type=pathlib.Path, default=out)
    arguments = parser.parse_args()
    # Nothing named is everything; something named is that alone.
    kinds = {"baselines": BASELINES, "learners": list(methods.LEARNERS), "dynamic": DYNAMIC}
    nothing = all(getattr(arguments, kind) is None for kind in kinds)
    for kind, every in kinds.items():
        setattr(arguments, kind, every if nothing else getattr(arguments, kind) or [])
    return arguments


def settings_of(arguments):
    return {k: v for k, v in vars(arguments).items() if k not in OF_THE_RUN}


def check_folder(arguments):
    """Raises if the folder belongs to a run with other settings."""
    arguments.folder.mkdir(parents=True, exist_ok=True)
    path, settings = arguments.folder / "settings.json", settings_of(arguments)
    if path.exists() and json.loads(path.read_text()) != settings:
        sys.exit(f"{arguments.folder} has a run with other settings: {path.read_text()}")
    path.write_text(json.dumps(settings))


def stage(arguments, kind, name, measure):
    """Returns the result of a stage: from its file, or measured."""
    path = arguments.folder / kind / f"{name.replace(' ', '_')}.json"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        result = measure()
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(result))
        partial.rename(path)
    return json.loads(path.read_text())


def merged(arguments):
    """Returns the results of all stages that are done, whoever ran them."""
    return {
        kind: {
            name: json.loads(path.read_text())
            for name in names
            if (path := arguments.folder / kind / f"{name.replace(' ', '_')}.json").exists()
        }
        for kind, names in (
            ("learners", methods.LEARNERS),
            ("baselines", BASELINES),
            ("dynamic", DYNAMIC),
        )
    }


def write(arguments, data, hours, weights):
    """Writes what is known so far."""
    command = ["python benchmarks/languages --data udhr"]
    for key, value in settings_of(arguments).items():
        value = " ".join(map(str, value)) if isinstance(value, list) else value
        command.append("" if value is None else f"--{key.replace('_', '-')} {value}")
    found = merged(arguments)
    for learner in found["learners"].values():
        # They hold lines of the data, which stay in the folder of the run.
        learner.pop("samples")
    result = {
        "command": " ".join(filter(None, command)),
        "seed": arguments.seed,
        "languages": {part: len(names) for part, names in data.parts.items()},
        "test_languages": data.parts["test"],
        "symbols": data.codec.size,
        "weights": weights,
        "hours_of_the_pooled_model": hours,
        "tables": tables.summary(found, data),
        **found,
        "versions": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "keras_meta": keras_meta.__version__,
        },
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    print(tables.printed(result["tables"]["by_lines"]), flush=True)


def main():
    arguments = options()
    keras_meta.config.one_task_per_core()
    data = tasks.Tasks(arguments)
    print({part: len(names) for part, names in data.parts.items()}, data.codec.size, "symbols")
    if arguments.time_steps:
        for name in arguments.learners:
            stages.step_seconds(name, stages.untrained(data, arguments), data, arguments)
        return
    check_folder(arguments)
    model, hours = stages.pooled(data, arguments.folder, arguments)
    for kind, names, measure in (
        ("baselines", arguments.baselines, stages.measure_baseline),
        ("learners", arguments.learners, stages.measure_learner),
        ("dynamic", arguments.dynamic, stages.measure_dynamic),
    ):
        for name in names:
            of_stage = () if kind == "baselines" else (arguments.folder,)
            stage(
                arguments,
                kind,
                name,
                lambda name=name, measure=measure, of_stage=of_stage: measure(
                    name, model, data, *of_stage, arguments
                ),
            )
            write(arguments, data, hours, model.count_params())


if __name__ == "__main__":
    main()
