"""Loads models from .keras files, which may come from elsewhere."""

import json
import math
import zipfile

import keras
import tensorflow as tf

from keras_meta.commands import archives

# A model may have variables that its file does not hold, such as tables that are computed.
_SPARE_BYTES = 2**20


def load(path, **kwargs):
    """Loads a model in safe mode: nothing in the file is run as code.

    Args:
        path: Path of a `.keras` file.
        **kwargs: Passed to `keras.models.load_model`.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: If the file is not such a file, is damaged, names places outside itself, or
            describes a model that is larger than what it holds.
        Exception: Whatever Keras raises, if the file has other faults.
    """
    if not str(path).endswith(".keras"):
        raise ValueError(f"A model is read from a .keras file. Received: {path}.")
    archives.check(path)
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
        held = sum(entry.file_size for entry in archive.infolist())
    described = _described_bytes(config)
    if described > held + _SPARE_BYTES:
        raise ValueError(
            "The file describes a model that is larger than what it holds. Received: "
            f"{path}, which describes weights of {described:,} bytes and holds {held:,}."
        )
    return keras.models.load_model(path, **kwargs)


def _described_bytes(config):
    """The size of a model's weights, from a symbolic build that allocates none of them."""
    with tf.Graph().as_default():
        model = keras.saving.deserialize_keras_object(config)
        return sum(math.prod(v.shape) * tf.as_dtype(v.dtype).size for v in model.variables)
