"""Lays out the results of a study as text."""

from keras_meta.baselines import BaselineComparison
from keras_meta.metrics import task_interval
from keras_meta.metrics.task_metrics import lower_is_better


def results_table(study):
    """Lays out the learner's results beside those of the baselines, one row per number of steps.

    Args:
        study: A `Study`.

    Returns:
        str of several lines.
    """
    columns = {"MAML": dict(enumerate(_intervals(study.curve.values)))}
    for name, values in study.baselines.items():
        cells = _intervals(values)
        cells[study.best[name]] += " *"
        columns[name] = dict(zip(study.steps, cells, strict=True))
    rows = sorted({step for cells in columns.values() for step in cells})
    lines = [
        f"{study.title} on {len(study.curve.values)} unseen tasks, with 95 % intervals over tasks",
        f"({study.curve.num_queries} queries a task, "
        f"batch_norm={study.curve.batch_norm}, {_direction(study)})",
        "  steps  " + "".join(f"{name:<21}" for name in columns),
    ]
    for step in rows:
        cells = "".join(f"{cells.get(step, '-'):<21}" for cells in columns.values())
        lines.append(f"  {step:5d}  {cells}".rstrip())
    lines.append(
        "  * the best on validation tasks: "
        + "; ".join(f"{name}: {setting}" for name, setting in study.settings.items())
    )
    return "\n".join(lines)


def verdict(study):
    """Compares the learner with its strongest baseline in one line.

    Args:
        study: A `Study`.

    Returns:
        str. See `BaselineComparison.verdict`.
    """
    best = {name: values[:, study.best[name]] for name, values in study.baselines.items()}
    learner = study.curve.values[:, -1]
    comparison = BaselineComparison("MAML", learner, best, study.settings, study.metric)
    return f"{study.name}: {comparison.verdict}"


def _intervals(values):
    cells = zip(*task_interval(values), strict=True)
    return [f"{mean:.3f} ± {half_width:.3f}" for mean, half_width in cells]


def _direction(study):
    return "lower is better" if lower_is_better(study.metric) else "higher is better"
