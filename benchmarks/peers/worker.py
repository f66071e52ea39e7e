"""One contender at one work, in a process of its own.

    python worker.py CONTENDER WORK

Reads numbers of meta-steps from standard input, a line each, and answers each with a line of JSON.
"""

import importlib
import json
import resource
import sys
import time

MODULES = {
    "ours": "ours",
    "torch": "torch_peers",
    "jax": "jax_peers",
    "tensorflow": "tensorflow_peers",
}


def repeated(step):
    """Returns `number -> (meta-steps done, last loss)`."""

    def steps(number):
        for _ in range(number):
            loss = step()
        return number, loss

    return steps


def main():
    contender, name = sys.argv[1:]
    started = time.perf_counter()
    import works

    package = contender.replace(",", " ").split()[0]
    work = works.WORKS[name]
    make = importlib.import_module(MODULES[package]).make
    steps = make(contender, work, works.data(work), works.initial_weights(work))
    steps = steps if package == "ours" else repeated(steps)
    for line in sys.stdin:
        before = time.perf_counter()
        done, loss = steps(int(line))
        now = time.perf_counter()
        answer = {
            "steps": done,
            "loss": loss,
            "seconds": now - before,
            "seconds_since_import": now - started,
            "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        print("answer " + json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
