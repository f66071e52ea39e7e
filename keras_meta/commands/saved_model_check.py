"""Runs a SavedModel in a process without Keras and without this library."""

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
endpoint = tf.saved_model.load(sys.argv[1]).signatures["adapt_and_predict"]
inputs = {name: tf.constant(array) for name, array in np.load(sys.argv[2]).items()}
np.save(sys.argv[3], endpoint(**inputs)["predictions"].numpy())
"""


def predictions_in_clean_process(saved_model, inputs):
    """Adapts to one task and predicts its queries in a process with TensorFlow alone.

    Args:
        saved_model: Path of an exported learner.
        inputs: dict of arrays: `support_x`, `support_y` and `query_x` of one task.

    Returns:
        Array of predictions.

    Raises:
        ValueError: If the process fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, "inputs.npz"), Path(folder, "predictions.npy")]
        np.savez(files[0], **inputs)
        result = subprocess.run(
            [sys.executable, "-I", "-c", _PROGRAM, str(saved_model), *map(str, files)],
            capture_output=True,
            text=True,
        )
        if result.returncode:
            raise ValueError(
                "The SavedModel could not be used in a clean process. Received: "
                f"{saved_model}: {result.stderr.strip().splitlines()[-1]}"
            )
        return np.load(files[1])
