"""A table of a million rows in 100,000 groups: seconds to read it and to the first step, memory.

python benchmarks/tables.py
"""

import argparse
import pathlib
import resource
import tempfile
import time
import warnings

import numpy as np
from record import command, versions, write

import keras_meta
from keras_meta.networks.table_network import standardization


def write_table(path, count, groups):
    """Ratings of which the group, an item and a number explain a part."""
    random = np.random.default_rng(0)
    group, item = random.integers(0, groups, count), random.integers(0, 5000, count)
    age = random.uniform(10, 80, count).round(1)
    y = random.normal(size=groups)[group] + random.normal(size=5000)[item] + 0.02 * age
    y = (y + random.normal(0, 0.3, count)).round(3)
    with path.open("w") as file:
        file.write("user,item,age,rating\n")
        file.writelines(
            f"u{a},i{b},{c},{d}\n" for a, b, c, d in zip(group, item, age, y, strict=True)
        )


def megabytes():
    """Peak of the memory of this process."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


def episodes_a_second(dataset, batch_size, seconds=3.0):
    """After a first batch."""
    batches = iter(dataset)
    next(batches)
    started, drawn = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        next(batches)
        drawn += batch_size
    return round(drawn / (time.perf_counter() - started))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--groups", type=int, default=100_000)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("benchmarks/results/tables.json")
    )
    arguments = parser.parse_args()
    keras_meta.config.one_task_per_core()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "ratings.csv")
        write_table(path, arguments.rows, arguments.groups)
        size, before, started = path.stat().st_size, megabytes(), time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Some groups have a single row.
            tasks = keras_meta.episodes.from_groups(
                path, task="user", y="rating", num_support=(1, 5), num_queries=5
            )
            train, _, _ = tasks.split()
    read = time.perf_counter() - started
    mean, scale = standardization(train.table.y)
    learner = keras_meta.learners.RidgeLearner(
        keras_meta.networks.table_network(train, num_outputs=None),
        num_values=1,
        learned_prior=True,
        target_mean=mean,
        target_scale=scale,
    )
    learner.compile("adam", keras_meta.losses.StandardizedSquaredError(scale))
    dataset = train.as_dataset(arguments.batch_size)
    learner.fit(dataset, steps_per_epoch=1, verbose=0)
    first_step = time.perf_counter() - started
    trained = time.perf_counter()
    learner.fit(dataset, steps_per_epoch=100, verbose=0)
    step = (time.perf_counter() - trained) / 100
    report = {
        "command": command(),
        "rows": arguments.rows,
        "groups": arguments.groups,
        "file_megabytes": round(size / 1e6),
        "seconds_to_read_and_split": round(read, 1),
        "seconds_to_the_first_step": round(first_step, 1),
        "peak_megabytes_before": before,
        "peak_megabytes": megabytes(),
        "episodes_a_second": episodes_a_second(dataset, arguments.batch_size),
        "step_milliseconds": round(1000 * step, 1),
        "batch_size": arguments.batch_size,
        "versions": versions(),
    }
    print(report)
    write(arguments.out, report)


if __name__ == "__main__":
    main()
