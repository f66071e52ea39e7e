"""The report on a learner of a table: its errors, those of baselines, and the intervals."""

import numpy as np

from keras_meta import baselines, metrics
from keras_meta.commands import data, table_baselines, table_intervals

# Validation tasks that settings of baselines are chosen on.
_MOST_TASKS = 200


def report(folder, config, split, num_tasks, sizes=(None, None), with_baselines=True):
    """Evaluates the learner of a run on unseen groups, prints and writes the result.

    Args:
        folder: `RunFolder`.
        config: dict, the options of the run.
        split: str.
        num_tasks: int. The largest number of tasks; none is more than once among them.
        sizes: Pair of ints or `None`s, the queries and the support examples of a task. See
            `table_data.load`.
        with_baselines: bool.
    """
    learner, intervals = folder.read_learner(), table_intervals.read(folder)
    distribution = data.load(config)
    tasks = distribution(split, *sizes)
    number = min(num_tasks, tasks.num_groups)
    episodes = tasks.as_dataset(number, num_batches=1)
    print(f"{config['learner']} on {config['data']}, split {split}, seed {config['seed']},")
    print(f"trained for {int(learner.optimizer.iterations)} iterations:")
    validation = distribution("validation", *sizes)
    methods = {}
    if with_baselines:
        methods = table_baselines.make(config, learner, distribution("train"), validation)
    chosen_on = validation.as_dataset(min(validation.num_groups, _MOST_TASKS), num_batches=1)
    comparison = baselines.compare(learner, episodes, chosen_on, methods, metric="mse")
    print(comparison if with_baselines else _line(learner, comparison.values))
    result = {
        "metric": "mse",
        "mean": {learner.name: _interval(comparison.values)}
        | {name: _interval(values) for name, values in comparison.baselines.items()},
        "paired_difference": {
            name: [paired.difference, paired.half_width]
            for name, paired in comparison.comparisons.items()
        },
        "settings": comparison.settings,
        "tasks": number,
        "known_rows": list(tasks.num_support),
        "split": split,
        "seed": config["seed"],
        "iterations": int(learner.optimizer.iterations),
    }
    if intervals is not None:
        values = metrics.predicted_values(learner, episodes)
        covered, widths = intervals.task_coverage(values), intervals.task_widths(values)
        result["intervals"] = {
            **intervals.get_config(),
            "covered": _interval(covered),
            "width": _interval(widths),
        }
        mean, half_width = metrics.task_interval(covered)
        print(
            f"Intervals of {intervals.coverage:.0%} cover {mean:.1%} +- {half_width:.1%} of the "
            f"values of a task; their mean width is {widths.mean():.4g}."
        )
    folder.write_json(folder.evaluation_file, result)
    print(f"Written to {folder.evaluation_file}.")


def _line(learner, values):
    mean, half_width = metrics.task_interval(values)
    return f"mse over {len(values)} tasks: {learner.name} {mean:.4f} +- {half_width:.4f}"


def _interval(values):
    return [float(x) for x in np.stack(metrics.task_interval(values))]
