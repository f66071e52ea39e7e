"""show versions, processor and settings, and whether learners work here

Ends with status 1 if something that is required is missing or of another version than the tests
run on, or if a learner does not learn.
"""

import importlib.metadata
import os
import pathlib
import platform
import re
import sys

from keras_meta.commands import tensorflow_start

_PACKAGE = "keras-meta"
# Units that products of matrices are faster with, as Linux names them.
_VECTOR_UNITS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile")


def add_arguments(parser):
    """Declares the options: there are none."""


def run(options):
    """Prints the report."""
    lines, problems = _packages()
    print("\n".join([_system(), *lines]), flush=True)
    tensorflow_start.start(options)
    print("\n".join(_tensorflow()), flush=True)
    problems += _learning()
    if not problems:
        print("All is well.")
        return
    print("\n".join(["", *problems]))
    sys.exit(1)


def _system():
    import keras_meta

    return (
        f"keras_meta {keras_meta.__version__}, Python {platform.python_version()}, "
        f"{platform.system()} on {platform.machine()}"
    )


def _packages():
    """Returns a line for each package that is required or that an extra adds, and the problems."""
    # Keras requires it.
    from packaging.requirements import Requirement

    lines, problems = [], []
    try:
        required = importlib.metadata.requires(_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return [], [f"Not installed: add it to this environment with `pip install {_PACKAGE}`."]
    for requirement in map(Requirement, required):
        extra = _extra(requirement)
        if extra in ("test", "lint", "docs"):
            continue
        bounds = ", ".join(sorted(str(requirement.specifier).split(","), reverse=True))
        use = f", for {extra}" if extra else ""
        command = f'pip install "{_PACKAGE}[{extra}]"' if extra else f'pip install "{requirement}"'
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            lines.append(f"  {requirement.name:<20} not installed{use}: {command}")
            if not extra:
                problems.append(f"{requirement.name} is required. Install it: {command}")
            continue
        tested = requirement.specifier.contains(version, prereleases=True)
        lines.append(
            f"  {requirement.name:<20} {version}{'' if tested else f' is not {bounds}'}{use}"
        )
        if not tested and not extra:
            problems.append(
                f"{requirement.name} {version} is not what the tests run on, {bounds}. "
                f"Install one that is: {command}"
            )
    return lines, problems


def _extra(requirement):
    """The extra that asks for a requirement, or `None` if everyone needs it."""
    found = re.search(r"extra == ['\"]([\w-]+)['\"]", str(requirement.marker or ""))
    return found[1] if found else None


def _tensorflow():
    """Returns lines about the devices that TensorFlow uses, and how."""
    import tensorflow as tf

    name, units = processor()
    threads = (
        tf.config.threading.get_inter_op_parallelism_threads(),
        tf.config.threading.get_intra_op_parallelism_threads(),
    )
    cores = os.cpu_count() or 1
    how = "one task per core" if threads[1] == 1 else "TensorFlow's own threads"
    one_dnn = os.environ.get("TF_ENABLE_ONEDNN_OPTS")
    if one_dnn is None:
        one_dnn = "as TensorFlow decides"
        if units and "avx512f" not in units:
            one_dnn += ", which is off without AVX-512: TF_ENABLE_ONEDNN_OPTS=1 makes "
            one_dnn += "convolutions of many or large images faster"
    else:
        one_dnn = "off" if one_dnn == "0" else "on"
    gpus = tf.config.list_physical_devices("GPU")
    return [
        f"  processor            {name}, {cores} cores{', ' if units else ''}{' '.join(units)}",
        f"  threads              {how}",
        f"  oneDNN               {one_dnn}",
        f"  GPUs                 {len(gpus) or 'none'}",
    ]


def processor():
    """Returns the name of the processor and those of its vector units, where Linux tells them."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine(), []
    fields = dict(re.findall(r"^([^\t\n]+?)\s*: (.*)$", text, re.MULTILINE))
    flags = fields.get("flags", "").split()
    name = fields.get("model name", platform.machine())
    return name, [unit for unit in _VECTOR_UNITS if unit in flags]


def _learning():
    """Lets MAML learn sinusoids for a moment; returns the problems."""
    import numpy as np

    import keras_meta

    sinusoids = keras_meta.episodes.Sinusoid(seed=0)
    learner = keras_meta.learners.MAML(keras_meta.networks.SinusoidMLP())
    learner.compile("adam", "mse")
    tasks = sinusoids.as_dataset(batch_size=4)
    losses = learner.fit(tasks, steps_per_epoch=5, epochs=2, verbose=0).history["loss"]
    print(f"  MAML on sinusoids    loss {losses[0]:.2f}, then {losses[1]:.2f}")
    if np.all(np.isfinite(losses)):
        return []
    return ["MAML does not learn here: its loss is not finite. Please report this output."]
