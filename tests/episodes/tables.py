"""Small tables whose rows belong to groups, for the tests of what reads them and learns them."""

import csv

import numpy as np


def plants(groups=12, seed=0):
    """Rows of plants that differ in number, each of which has a row of its own number of days."""
    random = np.random.default_rng(seed)
    sizes = 3 + np.arange(groups) % 5
    plant = np.repeat(np.arange(groups), sizes)
    day = np.concatenate([random.permutation(size) for size in sizes])
    return {
        "plant": np.array([f"plant {number}" for number in plant]),
        "day": day,
        "soil": np.array(["sand", "clay", "peat"])[(plant + day) % 3],
        "height": 100.0 * plant + day,
    }


def write(path, table):
    """Writes a table as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([list(table), *zip(*table.values(), strict=True)])
    return path
