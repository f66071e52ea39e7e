"""One core against two, as one process, two replicas or two workers; and an estimate for many.

    python benchmarks/scaling.py

The measured part divides the same meta-batch: a perfect division would take half the time of one
core. The estimated part gives each worker a meta-batch of that size, adds the time of a ring
all-reduce of the gradient to the time of a step, and counts nothing else: no stragglers, no
overlap of computing and sending.
"""

import argparse
import json
import os
import pathlib
import platform
import socket
import statistics
import subprocess
import sys
import time

TASKS, WAYS = 32, 5
SETUPS = ("one core", "two cores", "two replicas", "two workers")
NETWORKS = {
    "10 Gbit/s, 50 us": {"bytes_a_second": 1.25e9, "latency_seconds": 50e-6},
    "100 Gbit/s, 10 us": {"bytes_a_second": 12.5e9, "latency_seconds": 10e-6},
}
WORKERS = (8, 16, 32, 64, 128, 256, 512)


def ring_all_reduce(workers, size, bytes_a_second, latency_seconds):
    """Seconds: each worker sends `2 (n - 1)` parts of `size / n` bytes, one after the other."""
    return 2 * (workers - 1) * (size / workers / bytes_a_second + latency_seconds)


def measure(setup, steps):
    """Milliseconds of each step of `fit`, in this process."""
    import keras
    import tensorflow as tf

    import keras_meta

    keras_meta.config.one_task_per_core(1 if setup in ("one core", "two workers") else 2)
    strategy = tf.distribute.get_strategy()
    if setup == "two replicas":
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
        )
        strategy = tf.distribute.MirroredStrategy(
            ["CPU:0", "CPU:1"], tf.distribute.ReductionToOneDevice("CPU:0")
        )
    elif setup == "two workers":
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    keras.utils.set_random_seed(0)
    with strategy.scope():
        learner = keras_meta.learners.MAML(keras_meta.networks.Conv4(WAYS), 0.4)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        learner.compile("adam", loss, metrics=["accuracy"])
    glyphs = keras_meta.episodes.StrokeGlyphs(num_ways=WAYS, num_shots=1, num_queries=5)
    data = glyphs.as_dataset(TASKS)
    if setup == "two workers":
        data = strategy.distribute_datasets_from_function(
            lambda context: glyphs.as_dataset(TASKS, input_context=context)
        )
    times = []
    begin = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: times.append(-time.perf_counter()),
        on_train_batch_end=lambda batch, logs: times.append(times.pop() + time.perf_counter()),
    )
    learner.fit(data, steps_per_epoch=steps + 3, callbacks=[begin], verbose=0, shuffle=False)
    # The first steps trace and warm up.
    return {
        "milliseconds": [round(1000 * t, 1) for t in times[3:]],
        "parameters": sum(v.numpy().size for v in learner.trainable_variables),
    }


def run(setup, steps):
    """Measures in processes of its own; returns what the first of them found."""
    workers = 2 if setup == "two workers" else 1
    sockets = [socket.socket() for _ in range(workers)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    processes = []
    for index in range(workers):
        environment = dict(os.environ)
        if workers > 1:
            task = {"type": "worker", "index": index}
            environment["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": task})
        command = [sys.executable, __file__, "--steps", str(steps), "--setup", setup]
        processes.append(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        )
    outputs = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise RuntimeError(f"Measuring {setup!r} failed.")
    return json.loads(outputs[0].splitlines()[-1])


def estimate(step_seconds, parameters):
    """Share of the time that a worker computes, by network and number of workers."""
    size = 4 * parameters
    table = {}
    for name, network in NETWORKS.items():
        table[name] = {}
        for workers in WORKERS:
            seconds = ring_all_reduce(workers, size, **network)
            table[name][workers] = {
                "all_reduce_milliseconds": round(1000 * seconds, 3),
                "efficiency": round(step_seconds / (step_seconds + seconds), 4),
            }
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="benchmarks/results/scaling.json")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--setup", choices=SETUPS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.setup:
        print(json.dumps(measure(arguments.setup, arguments.steps)))
        return
    started = time.time()
    times = {setup: [] for setup in SETUPS}
    for _ in range(arguments.rounds):  # in turn, so that the machine is as busy for all
        for setup in SETUPS:
            found = run(setup, arguments.steps)
            times[setup] += found["milliseconds"]
            print(setup, statistics.median(found["milliseconds"]), "ms a step")
    medians = {setup: round(statistics.median(values), 1) for setup, values in times.items()}
    import tensorflow as tf

    result = {
        "command": f"python benchmarks/scaling.py --steps {arguments.steps} "
        f"--rounds {arguments.rounds}",
        "what": f"MAML, second order, 1 step, Conv4 with 64 filters, 28x28, {WAYS}-way 1-shot, 5 "
        f"queries a class, {TASKS} tasks a step over all replicas",
        "seed": 0,
        "median_milliseconds_a_step": medians,
        "speed_up_over_one_core": {
            setup: round(medians["one core"] / value, 2) for setup, value in medians.items()
        },
        "estimate": {
            "assumptions": f"each worker has two cores and {TASKS} tasks a step; ring all-reduce "
            "of float32 gradients, 2 (n - 1) messages one after the other, nothing overlapped",
            "parameters": found["parameters"],
            "step_milliseconds": medians["two cores"],
            "networks": NETWORKS,
            "by_workers": estimate(medians["two cores"] / 1000, found["parameters"]),
        },
        "seconds": round(time.time() - started),
        "load_average_at_the_end": round(os.getloadavg()[0], 1),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
    }
    pathlib.Path(arguments.out).write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(medians))


if __name__ == "__main__":
    main()
