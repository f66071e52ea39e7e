"""Tables of what was measured: intervals, paired differences, by script and by nearness."""

import collections

import numpy as np
import udhr

from keras_meta.metrics import task_interval


def interval(values):
    """Mean and half-width of the 95 % interval over languages."""
    mean, half_width = task_interval(values)
    return {"mean": round(float(mean), 3), "half_width_95": round(float(half_width), 3)}


def methods_of(stages):
    """Returns bits by method: dict, name to dict, number of lines to list over languages.

    Args:
        stages: dict of the results of stages: `{"learners": {name: ...}, "baselines": ...}`.
    """
    found = {"learners": {}, "baselines": {}}
    of_learners = dict(stages.get("learners", {}))
    of_baselines = dict(stages.get("baselines", {}))
    for name, stage in stages.get("dynamic", {}).items():
        of = of_baselines if name == "pooled" else of_learners
        of[f"{name}, dynamic evaluation"] = stage
    for kind, of_kind in zip(found.values(), (of_learners, of_baselines), strict=True):
        for name, stage in of_kind.items():
            for key, suffix in (("bits", ""), ("with_ngrams", " + n-gram")):
                if key in stage:
                    rows = stage[key].items()
                    kind[name + suffix] = {lines: row["bits"] for lines, row in rows}
    return found


def summary(stages, tasks):
    """Returns the tables: by lines, by script, by nearness; and each learner less each baseline."""
    found = methods_of(stages)
    every = {**found["learners"], **found["baselines"]}
    names = tasks.parts["test"]
    scripts = collections.defaultdict(list)
    for position, name in enumerate(names):
        scripts[tasks.languages[name].script].append(position)
    near = udhr.nearness(tasks.languages, names, tasks.parts["train"])
    order = np.argsort([near[name][1] for name in names])
    thirds = dict(zip(("far", "middle", "near"), np.array_split(order, 3), strict=True))
    by_lines = {
        method: {lines: interval(bits) for lines, bits in rows.items()}
        for method, rows in every.items()
    }
    return {
        "by_lines": by_lines,
        "by_script": _parts(every, {k: v for k, v in scripts.items() if len(v) > 1}),
        "by_nearness": _parts(every, {k: v for k, v in thirds.items() if len(v) > 1}),
        "learner_less_baseline_paired": {
            learner: {
                baseline: {
                    lines: interval(np.subtract(bits, others[lines]))
                    for lines, bits in rows.items()
                    if lines in others
                }
                for baseline, others in found["baselines"].items()
            }
            for learner, rows in found["learners"].items()
        },
        "nearest_training_language": near,
    }


def _parts(every, parts):
    """The mean of each method over parts of the languages, and their numbers."""
    return {
        part: {
            "languages": len(positions),
            **{
                method: {
                    lines: round(float(np.mean(np.take(bits, positions))), 3)
                    for lines, bits in rows.items()
                }
                for method, rows in every.items()
            },
        }
        for part, positions in parts.items()
    }


def printed(by_lines):
    """Returns the table of bits by number of lines as text."""
    lines = list(dict.fromkeys(n for rows in by_lines.values() for n in rows))
    width = max(map(len, by_lines), default=0)
    rows = [f"{'bits a character':{width}s}" + "".join(f"{n + ' lines':>17s}" for n in lines)]
    for method, of_lines in by_lines.items():
        cells = [of_lines.get(n) for n in lines]
        text = [f"{c['mean']:8.3f} +- {c['half_width_95']:.3f}" if c else "" for c in cells]
        rows.append(f"{method:{width}s}" + "".join(f"{t:>17s}" for t in text))
    return "\n".join(rows)
