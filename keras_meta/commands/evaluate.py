"""measure a trained learner on unseen tasks, after every inner step if it takes some

Prints the accuracy (or squared error, bits a character, or return) with its 95 % interval over
tasks, and writes it to evaluation.json in the run folder. With several numbers of --shots, there is
one result for each. For a table and for languages, the report compares the learner with simpler
methods, whose settings are chosen on the validation tasks. For a table, it also says what share of
the values lies in the intervals.
"""

import math

from keras_meta import registry
from keras_meta.commands import data_kinds, tensorflow_start
from keras_meta.commands.argument_types import integer, integers
from keras_meta.commands.run_folder import RunFolder

_BATCH_SIZE = 25


def add_arguments(parser):
    """Declares the options."""
    parser.add_argument("run_folder", metavar="RUN", help="a folder made by `keras-meta train`")
    parser.add_argument("--tasks", type=integer(2), help="(600; environments, languages: 100)")
    parser.add_argument("--steps", type=integer(0), help="inner steps (as configured in training)")
    parser.add_argument(
        "--queries",
        type=integer(1),
        help="query examples per class, or rows or passages to predict (as in training)",
    )
    parser.add_argument(
        "--shots",
        type=integers(1),
        help="support examples per class, or known rows, or passages to learn from (as in "
        "training); for classes and sinusoids, several numbers are possible: 1,5",
    )
    parser.add_argument(
        "--ways",
        type=integer(2),
        help="classes per task, for learners with open ways (as in training)",
    )
    parser.add_argument(
        "--without-baselines",
        action="store_true",
        help="leave out the simpler methods, which take most of the time (tables, languages)",
    )
    parser.add_argument(
        "--split", choices=["train", "validation", "test"], default="test", help="(%(default)s)"
    )
    parser.add_argument(
        "--batch-norm",
        choices=[row.name for row in registry.of_kind("statistics")],
        help="statistics used by batch normalisation (as in training)",
    )


def run(options):
    """Evaluates and reports."""
    folder = RunFolder(options.run_folder)
    config = folder.read_config()
    if "environment" in config:
        _evaluate_policy(options, folder, config)
        return
    if data_kinds.is_languages(config):
        _evaluate_languages(options, folder, config)
        return
    num_tasks = 600 if options.tasks is None else options.tasks
    if data_kinds.is_table(config):
        _evaluate_table(options, folder, config, num_tasks)
        return
    if data_kinds.is_regression(config):
        _check_absent(options, ("ways",), "A task on values", f"{folder.path}")
    tensorflow_start.start(options)
    from keras_meta.commands import data

    learner = folder.read_learner()
    if options.batch_norm is not None:
        learner.batch_norm = options.batch_norm
    _check_steps(options.steps, folder, config)
    _check_ways(learner, options.ways, folder, config)
    distribution = data.load(config)
    print(f"{config['learner']} on {config['data']}, split {options.split}, seed {config['seed']},")
    print(f"trained for {int(learner.optimizer.iterations)} iterations:")
    results = {}
    for shots in options.shots or [config["shots"]]:
        ways = {} if options.ways is None else {"num_ways": options.ways}
        tasks = distribution(options.split, options.queries, num_shots=shots, **ways)
        results[f"{shots}-shot"] = _evaluate_episodes(learner, tasks, num_tasks, options, config)
    several = len(results) > 1
    folder.write_json(folder.evaluation_file, results if several else results.popitem()[1])
    print(f"Written to {folder.evaluation_file}.")


def _evaluate_episodes(learner, tasks, num_tasks, options, config):
    """Prints the accuracy or the error in some tasks, and returns it as a dict."""
    from keras_meta import metrics

    regression = data_kinds.is_regression(config)
    curve = metrics.adaptation_curve(
        learner,
        tasks.as_dataset(_BATCH_SIZE, num_batches=math.ceil(num_tasks / _BATCH_SIZE)),
        metric="mse" if regression else "accuracy",
        steps=options.steps,
    )
    curve.values = curve.values[:num_tasks]
    sizes = {"shots": tasks.num_shots}
    if not regression:
        sizes = {"ways": tasks.num_ways, **sizes}
        print(f"{tasks.num_ways}-way ", end="")
    print(f"{tasks.num_shots}-shot {curve}")
    return {
        "metric": curve.metric,
        "mean_by_step": curve.mean.tolist(),
        "half_width_95_by_step": curve.half_width.tolist(),
        "tasks": len(curve.values),
        **sizes,
        "queries_a_task": curve.num_queries,
        "batch_norm": curve.batch_norm,
        "split": options.split,
        "seed": config["seed"],
        "iterations": int(learner.optimizer.iterations),
    }


def _check_steps(steps, folder, config):
    """Raises if the learner takes no inner steps."""
    if steps and not registry.learner(config["learner"]).takes_inner_steps:
        raise ValueError(
            f"--learner {config['learner']} learns a task in one pass, without inner steps. Leave "
            f"--steps out. Received: --steps {steps} for {folder.path}."
        )


def _check_ways(learner, ways, folder, config):
    """Raises if the learner cannot learn tasks of this number of classes."""
    if ways not in (None, config["ways"]) and not learner.variable_way:
        raise ValueError(
            f"--learner {config['learner']} has as many outputs as the run has ways, "
            f"{config['ways']}. Leave --ways out, or train with --ways {ways}. Received: --ways "
            f"{ways} for {folder.path}."
        )


def _one_number(options, run):
    """Returns the one number of shots that a report is for, or `None`."""
    if options.shots is not None and len(options.shots) > 1:
        raise ValueError(
            "The report is on one number of shots. Received: --shots "
            f"{','.join(map(str, options.shots))} for {run}."
        )
    return options.shots and options.shots[0]


def _evaluate_table(options, folder, config, num_tasks):
    run = f"{folder.path}, a run on a table"
    _check_absent(options, ("steps", "batch_norm", "ways"), "The report on a table", run)
    tensorflow_start.start(options)
    from keras_meta.commands import table_report

    table_report.report(
        folder,
        config,
        options.split,
        num_tasks,
        (options.queries, _one_number(options, run)),
        not options.without_baselines,
    )


def _evaluate_languages(options, folder, config):
    run = f"{folder.path}, a run on languages"
    _check_absent(options, ("batch_norm", "ways"), "The report on languages", run)
    tensorflow_start.start(options)
    from keras_meta.commands import language_report

    language_report.report(
        folder,
        config,
        options.split,
        options.tasks or 100,
        (options.queries, _one_number(options, run)),
        options.steps,
        not options.without_baselines,
    )


def _check_absent(options, names, subject, run):
    for name in names:
        if getattr(options, name) is not None:
            raise ValueError(
                f"{subject} has no --{name.replace('_', '-')}. Leave it out. Received: {run}."
            )


def _evaluate_policy(options, folder, config):
    run = f"{folder.path}, a run on {config['environment']}"
    _check_absent(options, ("queries", "shots", "ways", "batch_norm"), "A policy", run)
    tensorflow_start.start(options)
    from keras_meta.commands import policy_report

    policy_report.report(folder, config, options.split, options.tasks or 100, options.steps)
