"""Meta-learning in TensorFlow and Keras: models whose forward pass learns."""

import importlib
import itertools
import os
import sys

__version__ = "0.2.0"

__all__ = [
    "baselines",
    "callbacks",
    "config",
    "environments",
    "episodes",
    "exact",
    "generators",
    "heads",
    "in_context",
    "inner_loop",
    "inner_optimizers",
    "layers",
    "learners",
    "losses",
    "metrics",
    "networks",
    "outer_loop",
    "policy_gradients",
    "registry",
    "statistics",
]


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"keras_meta.{name}")
    raise AttributeError(f"module 'keras_meta' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})


def _is_command_line():
    """Whether Python was started as `keras-meta` or `python -m keras_meta`."""
    program = os.path.basename(sys.argv[0]) if sys.argv else ""
    if program != "-m":
        return program == "keras-meta"
    # Python is importing the package of the module that it is about to run.
    module = dict(itertools.pairwise(sys.orig_argv)).get("-m", "")
    return module.partition(".")[0] == "keras_meta"


# Keras loads a saved learner only if its class is registered, which importing its module does. So
# `import keras_meta` imports everything, TensorFlow with it: seconds that the command line cannot
# spend on `--help`. It imports everything when a command needs TensorFlow.
if not _is_command_line():
    for _name in __all__:
        importlib.import_module(f"keras_meta.{_name}")
