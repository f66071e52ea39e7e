"""Means, ranks and paired intervals of the results of a comparison."""

import numpy as np
from scipy import stats

# Whether more is better.
_SIGN = {"area": 1, "accuracy": 1, "r2": 1, "log_loss": -1, "mean_absolute_error": -1}


def matrix(results, metric):
    """Returns `(methods, tables, means)`; `means` of a metric over splits, `[methods, tables]`.

    Only splits that all methods have are counted.

    Args:
        results: dict, `"table|split|method"` to dict of scores.
        metric: str.
    """
    keys = [key.split("|") for key, scores in results.items() if metric in scores]
    methods = list(dict.fromkeys(method for _, _, method in keys))
    of_split = {}
    for table, number, method in keys:
        of_split.setdefault((table, number), {})[method] = results[f"{table}|{number}|{method}"]
    whole = {key: value for key, value in of_split.items() if len(value) == len(methods)}
    tables = list(dict.fromkeys(table for table, _ in whole))
    means = [
        [
            np.mean([v[method][metric] for (t, _), v in whole.items() if t == table])
            for table in tables
        ]
        for method in methods
    ]
    return methods, tables, np.array(means)


def report(results, metric, ours="in-context"):
    """Returns lines of a table in Markdown: mean, mean rank, and the difference to `ours`.

    The interval is of the mean difference over tables, Student's t at 95 %.
    """
    methods, tables, means = matrix(results, metric)
    ranks = stats.rankdata(-_SIGN[metric] * means, axis=0).mean(1)
    seconds = [
        np.mean(
            [
                x["fit_seconds"] + x["predict_seconds"]
                for k, x in results.items()
                if k.endswith(f"|{method}")
            ]
        )
        for method in methods
    ]
    lines = [
        f"{len(tables)} tables, {metric}",
        "",
        f"| method | {metric} | mean rank | ahead of it by | seconds |",
        "|---|---|---|---|---|",
    ]
    own = means[methods.index(ours)]
    for row in np.argsort(ranks):
        ahead = _SIGN[metric] * (own - means[row])
        error = stats.t.ppf(0.975, len(tables) - 1) * ahead.std(ddof=1) / np.sqrt(len(tables))
        gap = "" if methods[row] == ours else f"{ahead.mean():+.4f} +- {error:.4f}"
        lines.append(
            f"| {methods[row]} | {means[row].mean():.4f} | {ranks[row]:.2f} | {gap} | "
            f"{seconds[row]:.2f} |"
        )
    return lines
