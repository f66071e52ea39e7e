"""Runs SavedModels in a process without Keras and without this library."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

# An entry of None in `sys.modules` makes an import of that name fail.
_PROGRAM = """
import sys
sys.modules["keras"] = sys.modules["keras_meta"] = None
import numpy as np
import tensorflow as tf
for number, saved_model in enumerate(sys.argv[2:]):
    endpoint = tf.saved_model.load(saved_model).signatures["adapt_and_predict"]
    arrays = np.load(f"{sys.argv[1]}/inputs{number}.npz")
    inputs = {name: tf.constant(array) for name, array in arrays.items()}
    np.save(f"{sys.argv[1]}/predictions{number}.npy", endpoint(**inputs)["predictions"].numpy())
"""


def predictions_in_clean_process(saved_models, inputs):
    """Adapts each model to a task and predicts its queries, in a process with TensorFlow alone.

    Args:
        saved_models: Paths of exported learners.
        inputs: For each, a dict of arrays: `support_x`, `support_y` and `query_x` of one task.

    Returns:
        List of arrays of predictions.

    Raises:
        ValueError: If the process fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        for number, arrays in enumerate(inputs):
            np.savez(Path(folder, f"inputs{number}.npz"), **arrays)
        paths = [str(path) for path in saved_models]
        result = subprocess.run(
            [sys.executable, "-I", "-c", _PROGRAM, folder, *paths],
            capture_output=True,
            text=True,
        )
        if result.returncode:
            raise ValueError(
                "The SavedModels could not be used in a clean process. Received: "
                f"{', '.join(paths)}: {result.stderr.strip().splitlines()[-1]}"
            )
        return [np.load(Path(folder, f"predictions{number}.npy")) for number in range(len(paths))]
