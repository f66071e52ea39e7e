"""measures a trained learner on tasks that it has not seen, after every inner step

Prints the accuracy (or squared error) with its 95 % interval over tasks, and writes it to
evaluation.json in the run folder.
"""

import math

from keras_meta.commands.argument_types import integer
from keras_meta.commands.run_folder import RunFolder

_BATCH_SIZE = 25


def add_arguments(parser):
    """Declares the options."""
    parser.add_argument("run_folder", metavar="RUN", help="a folder made by `keras-meta train`")
    parser.add_argument("--tasks", type=integer(2), default=600)
    parser.add_argument("--steps", type=integer(0), help="inner steps (default: as trained for)")
    parser.add_argument("--queries", type=integer(1), help="a class (default: as in training)")
    parser.add_argument("--split", choices=["train", "validation", "test"], default="test")
    parser.add_argument(
        "--batch-norm",
        choices=["transductive", "support", "running"],
        help="statistics of batch normalisation (default: as in training)",
    )


def run(options):
    """Evaluates and reports."""
    from keras_meta import metrics
    from keras_meta.commands import data

    folder = RunFolder(options.run_folder)
    config = folder.read_config()
    learner = folder.read_learner()
    if options.batch_norm is not None:
        learner.batch_norm = options.batch_norm
    tasks = data.load(config)(options.split, options.queries)
    curve = metrics.adaptation_curve(
        learner,
        tasks.as_dataset(_BATCH_SIZE, num_batches=math.ceil(options.tasks / _BATCH_SIZE)),
        metric="mse" if config["data"] == "sinusoid" else "accuracy",
        steps=options.steps,
    )
    curve.values = curve.values[: options.tasks]
    print(f"{config['learner']} on {config['data']}, split {options.split}, seed {config['seed']},")
    print(f"trained for {int(learner.optimizer.iterations)} iterations:")
    print(curve)
    result = {
        "metric": curve.metric,
        "mean_by_step": curve.mean.tolist(),
        "half_width_95_by_step": curve.half_width.tolist(),
        "tasks": len(curve.values),
        "queries_a_task": curve.num_queries,
        "batch_norm": curve.batch_norm,
        "split": options.split,
        "seed": config["seed"],
        "iterations": int(learner.optimizer.iterations),
    }
    folder.write_json(folder.evaluation_file, result)
    print(f"Written to {folder.evaluation_file}.")
