"""Prints the tables of `recommendation.py`, in Markdown, from what it has measured.

python benchmarks/rating_tables.py benchmarks/results/recommendation.json
"""

import json
import pathlib
import sys

import numpy as np
from rating_learners import KNOWN

CASES = [f"{number} known, {asked}" for asked in ("held back", "new books") for number in KNOWN]
RIVALS = ("matrix factorisation, folded in", "nearest neighbours")


def table(head, rows):
    """Prints a table. A row is a name and its cells."""
    print("|", " | ".join(head), "|")
    print("|---" * len(head) + "|")
    for name, *cells in rows:
        print("|", " | ".join([name, *cells]), "|")
    print()


def seeds(of_learner):
    """The results of each seed, a list of dicts."""
    return [found for key, found in of_learner.items() if key.startswith("seed")]


def values(found, metric):
    """Rows of the means of all methods by case, the learners' over seeds."""
    for name, of_learner in found["test"].items():
        means = [
            np.mean([of_seed[case][metric]["mean"] for of_seed in seeds(of_learner)])
            for case in CASES
        ]
        yield name, *(f"{mean:.3f}" for mean in means)
    for name in found["test_recommenders"][CASES[0]]:
        means = [found["test_recommenders"][case][name][metric]["mean"] for case in CASES]
        yield name, *(f"{mean:.3f}" for mean in means)


def difference(interval):
    return f"{interval['mean']:+.3f} ± {interval['half_width_95']:.3f}"


def differences(found, metric):
    """Rows of what the chosen learner has more than each rival, by seed and case."""
    of_learner = found["test"][found["winner_on_validation_users"]]
    for rival in RIVALS:
        for number, of_seed in enumerate(seeds(of_learner)):
            cells = [of_seed[case]["less_recommenders_paired"][rival][metric] for case in CASES]
            yield f"less {rival}, seed {number}", *map(difference, cells)


def recalls(found):
    """Rows of recall@20 by the number of known books, and of the learner's paired differences."""
    cases = [f"{number} known" for number in KNOWN]
    of_learner = seeds(found["reading"].get("ridge on learned embeddings", {}))
    for number, of_seed in enumerate(of_learner):
        means = [of_seed[case]["recall_at_20"]["mean"] for case in cases]
        yield f"ridge on learned embeddings, seed {number}", *(f"{mean:.3f}" for mean in means)
    of_others = found["reading"]["recommenders"]
    for name in of_others[cases[0]]:
        means = [of_others[case][name]["recall_at_20"]["mean"] for case in cases]
        yield name, *(f"{mean:.3f}" for mean in means)
    for rival in RIVALS:
        for number, of_seed in enumerate(of_learner):
            cells = [of_seed[case]["less_recommenders_paired"][rival] for case in cases]
            yield f"less {rival}, seed {number}", *map(difference, cells)


def main():
    found = json.loads(pathlib.Path(sys.argv[1]).read_text())
    chosen = found["winner_on_validation_users"]
    for metric in ("mean_absolute_error", "ndcg_at_5"):
        head = metric.replace("_at_", "@").replace("_", " ")
        table([head, *CASES], values(found, metric))
        table([f"{chosen}: {head}", *CASES], differences(found, metric))
    if found["reading"]:
        head = [f"{number} known" for number in KNOWN]
        table(["recall@20 of what is liked later", *head], recalls(found))


if __name__ == "__main__":
    main()
