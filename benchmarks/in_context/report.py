"""Means, ranks and paired intervals of the results of a comparison."""

import numpy as np
from scipy import stats

METRICS = {"classes": ("area", "log_loss", "accuracy"), "numbers": ("r2",)}
# Whether more is better.
_SIGN = {"area": 1, "accuracy": 1, "r2": 1, "log_loss": -1}


def summary(results, ours="in-context"):
    """Returns all tables of results, as dicts.

    Args:
        results: dict, kind to `"table|split|method"` to dict of scores.
        ours: str, the method to compare with the others.

    Returns:
        dict, kind to `"tables"`, `"splits"`, `"seconds"` of each method to fit and to predict, and
        each metric: method to its mean over tables, mean rank, by how much `ours` is ahead, half
        the width of the 95 % interval of that (Student's t, over tables), and the means by table.
        For numbers also the `"coverage"` of the intervals of `ours`, for each table.
    """
    found = {}
    for kind, of_kind in results.items():
        if not of_kind:
            continue
        whole = _complete(of_kind)
        tables = sorted({table for table, _ in whole})
        methods = list(next(iter(whole.values())))
        found[kind] = {"tables": tables, "splits": len(whole) // len(tables)}
        for part in ("fit_seconds", "predict_seconds"):
            found[kind][part] = {
                method: round(float(np.mean([x[method][part] for x in whole.values()])), 3)
                for method in methods
            }
        for metric in METRICS[kind]:
            means = np.array([_means(whole, tables, method, metric) for method in methods])
            found[kind][metric] = _compared(means, methods, ours, _SIGN[metric])
        if kind == "numbers":
            coverage = _means(whole, tables, ours, "coverage")
            found[kind]["coverage"] = np.round(coverage, 3).tolist()
    return found


def _complete(results):
    """Results by table and split, those that all methods have."""
    of_split = {}
    for key, scores in results.items():
        table, number, method = key.split("|")
        of_split.setdefault((table, int(number)), {})[method] = scores
    methods = {method for scores in of_split.values() for method in scores}
    return {key: value for key, value in of_split.items() if value.keys() == methods}


def _means(whole, tables, method, metric):
    of_tables = {table: [] for table in tables}
    for (table, _), scores in whole.items():
        of_tables[table].append(scores[method][metric])
    return [np.mean(values) for values in of_tables.values()]


def _compared(means, methods, ours, sign):
    ranks = stats.rankdata(-sign * means, axis=0).mean(1)
    found = {}
    for row in np.argsort(ranks):
        ahead = sign * (means[methods.index(ours)] - means[row])
        scale = stats.t.ppf(0.975, len(ahead) - 1) / np.sqrt(len(ahead))
        found[methods[row]] = {
            "mean": round(float(means[row].mean()), 4),
            "mean_rank": round(float(ranks[row]), 2),
            "ahead": round(float(ahead.mean()), 4),
            "half_width_95": round(float(scale * ahead.std(ddof=1)), 4),
            "by_table": means[row].round(4).tolist(),
        }
    return found


def printed(found, ours="in-context"):
    """Returns what `summary` found, as tables in Markdown."""
    lines = []
    for kind, of_kind in found.items():
        for metric in METRICS[kind]:
            count, splits = len(of_kind["tables"]), of_kind["splits"]
            lines += [
                f"{count} tables, {splits} splits each, {metric.replace('_', ' ')}",
                "",
                f"| method | mean | mean rank | {ours} is ahead by | fit, s | predict, s |",
                "|---|---|---|---|---|---|",
            ]
            for method, x in of_kind[metric].items():
                gap = "" if method == ours else f"{x['ahead']:+.4f} ± {x['half_width_95']:.4f}"
                lines.append(
                    f"| {method} | {x['mean']:.4f} | {x['mean_rank']:.2f} | {gap} | "
                    f"{of_kind['fit_seconds'][method]:.2f} | "
                    f"{of_kind['predict_seconds'][method]:.2f} |"
                )
            lines.append("")
    return "\n".join(lines)
