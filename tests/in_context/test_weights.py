"""Weights in a file: plain arrays, with the digest that their card says."""

import json
import os

import numpy as np
import pytest

from keras_meta.in_context import weights as module
from keras_meta.in_context.weights import read_network


def test_written_and_read(network, weights):
    loaded = read_network(weights)
    assert loaded.settings == network.settings
    for one, other in zip(loaded.variables, network.variables, strict=True):
        np.testing.assert_array_equal(one, np.asarray(other).astype("float16").astype("float32"))


def test_a_changed_file_is_refused(weights, tmp_path):
    data = bytearray(weights.read_bytes())
    data[-100] ^= 1
    (tmp_path / "small.npz").write_bytes(data)
    (tmp_path / "small.json").write_text(weights.with_suffix(".json").read_text())
    with pytest.raises(ValueError, match="damaged or was changed. Received: SHA-256"):
        read_network(tmp_path / "small.npz")


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There are no weights.*in_context.train"):
        read_network(tmp_path / "none.npz")


def test_a_pickle_is_not_read(weights, tmp_path):
    import hashlib

    path = tmp_path / "evil.npz"
    np.savez(path, a=np.array([os.system], dtype=object))
    card = json.loads(weights.with_suffix(".json").read_text())
    card["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        read_network(path)


def test_the_weights_of_the_library_are_small_and_described():
    file = module.FOLDER / "tables.npz"
    assert file.stat().st_size <= 8_000_000
    card = json.loads(file.with_suffix(".json").read_text())
    assert {"sha256", "network", "step", "hours", "options", "prior", "versions"} <= set(card)
    read_network()
