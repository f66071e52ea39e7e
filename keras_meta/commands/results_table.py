"""The results of a study as text."""

from keras_meta.metrics import task_interval


def results_table(study):
    """Lays out the learner's results beside the baselines', a row a number of steps.

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
    """Says in half a sentence whether meta-learning was worth it.

    Compares task by task, because all were evaluated on the same tasks, the learner after its last
    step with the better of the baselines.

    Args:
        study: A `Study`.

    Returns:
        str.
    """
    sign = -1.0 if study.lower_is_better else 1.0
    best = {name: study.baselines[name][:, study.best[name]] for name in study.baselines}
    rival = max(best, key=lambda name: sign * best[name].mean())
    learner = study.curve.values[:, -1]
    gain, half_width = task_interval(sign * (learner - best[rival]))
    steps = study.curve.values.shape[1] - 1
    numbers = (
        f"{learner.mean():.3f} after {steps} steps against {best[rival].mean():.3f} "
        f"({rival}, {study.steps[study.best[rival]]} steps)"
    )
    answer = "yes" if gain > half_width else "no" if gain < -half_width else "it made no difference"
    return f"{study.name}: {answer}, {numbers}"


def _intervals(values):
    cells = zip(*task_interval(values), strict=True)
    return [f"{mean:.3f} ± {half_width:.3f}" for mean, half_width in cells]


def _direction(study):
    return "lower is better" if study.lower_is_better else "higher is better"
