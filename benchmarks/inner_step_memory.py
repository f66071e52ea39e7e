"""Peak memory of a meta-gradient by the number of inner steps, each in a process of its own.

    python benchmarks/inner_step_memory.py

Conv4-32 on 28x28 images, 5-way 5-shot with 15 queries a class, 2 tasks, transductive. Peak resident
memory of the process (as the operating system counts it) after three meta-gradients, less that of
the process before the learner is built.
"""

import argparse
import json
import pathlib
import platform
import resource
import subprocess
import sys

STEPS = (5, 20, 80)
KINDS = ("ImplicitMAML", "MAML, checkpointed", "MAML")


def peak():
    """Peak resident memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(kind, steps):
    """Runs three meta-gradients; returns the growth of the peak in MB."""
    import keras
    import tensorflow as tf

    import keras_meta
    from keras_meta import learners, networks

    keras_meta.config.one_task_per_core()
    model = networks.Conv4(num_ways=5, filters=32, seed=0)
    support, query = (tf.random.stateless_normal([2, n, 28, 28, 1], [0, n]) for n in (25, 75))
    labels = [tf.tile(tf.range(n)[None] % 5, [2, 1]) for n in (25, 75)]
    inputs = {"support_x": support, "support_y": labels[0], "query_x": query}
    before = peak()
    if kind == "ImplicitMAML":
        learner = learners.ImplicitMAML(model, 0.01, steps)
    else:
        learner = learners.MAML(model, 0.01, steps, checkpoint_steps="checkpointed" in kind)
    learner.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    function = tf.function(learner.meta_gradients, autograph=False)
    for _ in range(3):
        gradients, _ = function(learner.unpack((inputs, labels[1])))
    assert all(bool(tf.reduce_all(tf.math.is_finite(g))) for g in gradients if g is not None)
    return peak() - before


def in_own_process(kind, steps):
    command = [sys.executable, __file__, "--measure", kind, str(steps)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{kind} with {steps} inner steps failed: {done.stderr[-2000:]}")
    return float(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="benchmarks/results/inner_step_memory.json")
    parser.add_argument("--measure", nargs=2, metavar=("KIND", "STEPS"), help="for own use")
    arguments = parser.parse_args()
    if arguments.measure:
        kind, steps = arguments.measure
        print(measure(kind, int(steps)))
        return
    growth = {}
    for kind in KINDS:
        # Unrolled, 80 steps take minutes to trace.
        for steps in STEPS[: 2 if kind == "MAML" else None]:
            growth.setdefault(kind, {})[str(steps)] = round(in_own_process(kind, steps))
            print(kind, steps, growth[kind][str(steps)], "MB", flush=True)
    result = {
        "command": "python benchmarks/inner_step_memory.py",
        "growth_of_peak_memory_mb_by_inner_steps": growth,
        "python": platform.python_version(),
    }
    pathlib.Path(arguments.out).write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
