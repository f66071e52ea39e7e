"""Times a meta-step beside that of other libraries, in turn, in one run.

    python benchmarks/peers

Peers are installed into virtual environments of their own. Only one contender computes at a time;
blocks of meta-steps alternate, so that what else the machine does falls on all alike. What counts
is the median over blocks. Writes a JSON file and a plot.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import time
import venv

import numpy as np
import works

HERE = pathlib.Path(__file__).resolve().parent
PEERS = {
    "torch loop": "torch",
    "torch vmap": "torch",
    "jax vmap": "jax",
    "jax vmap, shifted products": "jax",
    "tensorflow map_fn": None,
}
OURS = "ours"
_PATIENCE_SECONDS = 10
OURS_ALONE = ["ours, compiled step", "ours, 100 steps an execution"]


class Contender:
    """A worker process.

    TensorFlow decides by the processor whether to use oneDNN, unless the name of the contender says
    so: convolutions are faster with it, and products of small matrices may take longer.

    Args:
        python: The interpreter to run it with.
        name: Name of the contender.
        work: Name of the work.
    """

    def __init__(self, python, name, work):
        self.name = name
        self.milliseconds = []
        one_dnn = re.search("oneDNN (on|off)", name)
        setting = {"TF_ENABLE_ONEDNN_OPTS": str(int(one_dnn[1] == "on"))} if one_dnn else {}
        self.process = subprocess.Popen(
            [python, str(HERE / "worker.py"), name, work],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **{k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"},
                **setting,
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "PYTHONPATH": str(HERE.parents[1]),
            },
        )

    def run(self, steps):
        """Does meta-steps and returns the worker's answer."""
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("answer "):
                return json.loads(line[len("answer ") :])
        raise RuntimeError(self.process.stderr.read().strip().splitlines()[-1])

    def close(self):
        """Ends the process."""
        self.process.kill()
        self.process.wait()


def contenders(name, one_dnn):
    """Names of those who take part in a work, TensorFlow with and without oneDNN."""
    work = works.WORKS[name]
    other = f"oneDNN {'off' if one_dnn else 'on'}"
    names = [OURS, f"{OURS}, {other}", *(OURS_ALONE if work.network == "mlp" else [])]
    names += [*PEERS, f"tensorflow map_fn, {other}"]
    # Without convolutions there is nothing to shift; and how slow plain vmap is on those with a
    # kernel for each task is clear from one work.
    if not work.convolves:
        names.remove("jax vmap, shifted products")
    elif name != "a1":
        names.remove("jax vmap")
    return names


def measure(name, pythons, rounds, block_seconds, one_dnn):
    """Runs all contenders at one work in turn.

    Args:
        name: Name of the work.
        pythons: dict, package to the interpreter that has it.
        rounds: int. Blocks of each contender.
        block_seconds: float. Length of a block.
        one_dnn: bool. Whether TensorFlow uses oneDNN by itself.

    Returns:
        dict, contender to what was measured, or to `{"not possible": reason}`.
    """
    results, running = {}, []
    for contender in contenders(name, one_dnn):
        process = Contender(pythons[PEERS.get(contender)], contender, name)
        try:
            first, second = process.run(1), process.run(1)
            process.block = max(1, round(block_seconds / (second["seconds"] / second["steps"])))
        except (RuntimeError, BrokenPipeError) as error:
            results[contender] = {"not possible": str(error)}
            process.close()
            continue
        results[contender] = {
            "seconds_from_import_to_first_step": round(first["seconds_since_import"], 2),
            "first_losses": [first["loss"], second["loss"]] if first["steps"] == 1 else None,
        }
        if second["seconds"] > _PATIENCE_SECONDS:
            # Not worth seven blocks: what it takes is clear from one.
            results[contender] |= {
                "milliseconds": round(1000 * second["seconds"], 1),
                "peak_megabytes": round(second["peak_megabytes"]),
                "blocks": 1,
            }
            process.close()
            continue
        running.append(process)
    for _ in range(rounds):
        for process in running:
            time.sleep(0.3)  # for the threads of the one before to come to rest
            answer = process.run(process.block)
            process.milliseconds.append(1000 * answer["seconds"] / answer["steps"])
            process.peak = answer["peak_megabytes"]
    for process in running:
        low, _, high = statistics.quantiles(process.milliseconds, n=4)
        results[process.name] |= {
            "milliseconds": round(statistics.median(process.milliseconds), 3),
            "quartiles": [round(low, 3), round(high, 3)],
            "peak_megabytes": round(process.peak),
            "blocks": rounds,
        }
        process.close()
    return results


def gemm_gigaflops(size=2048, repeats=10):
    """The most that a product of two large matrices reaches on all cores."""
    a = np.random.default_rng(0).random((size, size), dtype="float32")
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        a @ a
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / min(seconds) / 1e9


def processor():
    """Name and vector units of the processor, where Linux tells them."""
    file = pathlib.Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    said = {key.strip(): value.strip() for key, _, value in (x.partition(":") for x in lines)}
    units = [x for x in said.get("flags", "").split() if x.startswith(("avx", "amx", "fma"))]
    return {"name": said.get("model name", platform.processor()), "vector_units": units}


def uses_one_dnn(python):
    """Whether TensorFlow uses oneDNN on this processor without being told."""
    command = "from tensorflow.python.util._pywrap_util_port import IsMklEnabled as f; print(f())"
    environment = {k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}
    answer = subprocess.run(
        [python, "-c", f"import tensorflow; {command}"],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    return answer.stdout.strip() == "True"


def environments(folder):
    """Makes the peers' environments and returns the interpreter of each package."""
    pythons = {None: sys.executable}
    for package in {p for p in PEERS.values() if p}:
        python = folder / package / "bin" / "python"
        if not python.exists():
            venv.create(folder / package, with_pip=True)
            subprocess.run([python, "-m", "pip", "install", "-q", package, "numpy"], check=True)
        pythons[package] = str(python)
    return pythons


def version(python, package):
    """Version of a package in an environment."""
    command = f"import importlib.metadata as m; print(m.version('{package}'))"
    return subprocess.run([python, "-c", command], capture_output=True, text=True).stdout.strip()


def ratios(results):
    """How many times as long the others take: the faster PyTorch form, and each of them."""
    ours = results[OURS].get("milliseconds")
    times = {k: v["milliseconds"] for k, v in results.items() if "milliseconds" in v}
    torch = [t for k, t in times.items() if k.startswith("torch")]
    return {
        "faster PyTorch form": round(min(torch) / ours, 2) if torch else None,
        **{k: round(t / ours, 2) for k, t in times.items() if not k.startswith("ours")},
    }


def plot(report, path):
    """Bars of milliseconds, a group for each work."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = [OURS, *PEERS]
    figure, axes = plt.subplots(figsize=(10, 4), layout="constrained")
    for position, contender in enumerate(names):
        points = [
            (index + 0.13 * position, results[contender]["milliseconds"])
            for index, results in enumerate(r["contenders"] for r in report["works"].values())
            if "milliseconds" in results.get(contender, {})
        ]
        if points:
            axes.bar(*zip(*points, strict=True), width=0.12, label=contender)
    axes.set_xticks(np.arange(len(report["works"])) + 0.3, list(report["works"]))
    axes.set(yscale="log", ylabel="milliseconds a meta-step (lower is better)")
    axes.legend(ncols=3, fontsize="small")
    figure.savefig(path, dpi=80)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--works", nargs="+", default=list(works.WORKS), choices=works.WORKS)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--block-seconds", type=float, default=2.0)
    parser.add_argument("--environments", type=pathlib.Path, default=".benchmark_environments")
    parser.add_argument("--out", type=pathlib.Path, default="benchmarks/results/peers.json")
    arguments = parser.parse_args()
    pythons = environments(arguments.environments)
    peak = gemm_gigaflops()
    one_dnn = uses_one_dnn(pythons[None])
    machine = {**processor(), "cores": os.cpu_count(), "onednn_by_default": one_dnn}
    report = {
        "versions": {
            "python": platform.python_version(),
            **{p: version(pythons[None], p) for p in ("tensorflow", "keras", "keras-meta")},
            **{p: version(python, p) for p, python in pythons.items() if p},
        },
        # Works that are not measured again keep what an earlier run has found.
        "works": json.loads(arguments.out.read_text())["works"] if arguments.out.exists() else {},
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    for name in arguments.works:
        work = works.WORKS[name]
        results = measure(name, pythons, arguments.rounds, arguments.block_seconds, one_dnn)
        entry = {
            "what": works.DESCRIPTIONS[name],
            "command": f"python benchmarks/peers --works {name} --rounds {arguments.rounds}"
            f" --block-seconds {arguments.block_seconds:g}",
            "machine": machine,
            "gemm_gigaflops": round(peak, 1),
            "contenders": results,
            "ratio": ratios(results),
        }
        if works.flops(work):
            gigaflops = works.flops(work) / results[OURS]["milliseconds"] / 1e6
            entry["share_of_gemm_peak"] = round(gigaflops / peak, 3)
        found = {**report["works"], name: entry}
        report["works"] = {name: found[name] for name in works.WORKS if name in found}
        arguments.out.write_text(json.dumps(report, indent=2) + "\n")
        print(f"{name}: {entry['what']}")
        for contender, result in results.items():
            print(f"  {contender:30}", json.dumps(result))
        print("  ratios", entry["ratio"], "share of GEMM peak", entry.get("share_of_gemm_peak"))
    plot(report, arguments.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
