"""Archives and images that are made to do harm, or are damaged in some place."""

import io
import json
import pathlib
import struct
import zipfile
import zlib

import h5py
import keras
import numpy as np
import pytest

import keras_meta
from keras_meta import episodes, learners
from keras_meta.commands import archives, memory, model_files
from keras_meta.commands.run_folder import RunFolder
from tests.commands.conftest import SHORT, TINY
from tests.exact import backbones

WRITTEN = "code has run"


def npy(shape, data=b"", dtype="<f4", version=b"\x01\x00"):
    header = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header + data


def archive(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path


def png(width, height):
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    head = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + head


LABELS = npy((2,), struct.pack("<2f", 0, 1))
ARRAYS = {
    "claims 10^12 elements": {"x.npy": npy((10**12,)), "y.npy": LABELS},
    "claims overflowing sides": {"x.npy": npy((2**40, 2**40)), "y.npy": LABELS},
    "claims one element more": {"x.npy": npy((3,), bytes(8)), "y.npy": LABELS},
    "holds more than claimed": {"x.npy": npy((1,), bytes(8)), "y.npy": LABELS},
    "unknown array format": {"x.npy": npy((1,), bytes(4), version=b"\x09\x00"), "y.npy": LABELS},
    "header that is no header": {"x.npy": b"\x93NUMPY\x01\x00\x05\x00print", "y.npy": LABELS},
    "entry that is no array": {"x.npy": b"text", "y.npy": LABELS},
    "empty entry": {"x.npy": b"", "y.npy": LABELS},
    "parent folder": {"../x.npy": LABELS, "y.npy": LABELS},
    "hidden parent folder": {"a/../../x.npy": LABELS, "y.npy": LABELS},
    "absolute": {"/tmp/x.npy": LABELS, "y.npy": LABELS},
    "absolute elsewhere": {"C:\\x.npy": LABELS, "y.npy": LABELS},
    "backslashes": {"..\\x.npy": LABELS, "y.npy": LABELS},
}
OUTSIDE = "names a place outside itself"
MESSAGES = {
    "claims 10^12 elements": "x.npy claims 4,000,000,000,000 bytes, of shape (1000000000000,)",
    "claims overflowing sides": "and holds 0",
    "claims one element more": "x.npy claims 12 bytes, of shape (3,), and holds 8",
    "holds more than claimed": "x.npy claims 4 bytes, of shape (1,), and holds 8",
    "unknown array format": "",
    **dict.fromkeys(
        ["parent folder", "hidden parent folder", "absolute", "absolute elsewhere", "backslashes"],
        OUTSIDE,
    ),
}


def train(fails, data, tmp_path):
    message = fails("train", "--data", data, "--out", tmp_path / "run", *TINY, *SHORT)
    assert not (tmp_path / "run").exists()
    return message


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(name, fails, tmp_path):
    message = train(fails, archive(tmp_path / "data.npz", ARRAYS[name]), tmp_path)
    assert "cannot be read as .npz. Received: " in message
    assert MESSAGES.get(name, "") in message


def test_python_objects_are_not_unpickled(fails, tmp_path):
    class Code:
        def __reduce__(self):
            return open, (str(tmp_path / WRITTEN), "w")

    np.savez(tmp_path / "data.npz", x=np.array([Code()], object), y=np.zeros(1))
    assert "from arrays without Python objects" in train(fails, tmp_path / "data.npz", tmp_path)
    assert not (tmp_path / WRITTEN).exists()


def test_flipped_bits_are_noticed(fails, tmp_path):
    np.savez_compressed(tmp_path / "data.npz", x=np.arange(4000), y=np.arange(4000))
    content = bytearray((tmp_path / "data.npz").read_bytes())
    content[2000] ^= 0xFF
    (tmp_path / "data.npz").write_bytes(content)
    assert "cannot be read as .npz" in train(fails, tmp_path / "data.npz", tmp_path)


def test_a_bomb(fails, tmp_path, monkeypatch):
    data = archive(tmp_path / "data.npz", {"x.npy": npy((2**18,), bytes(2**20)), "y.npy": LABELS})
    assert data.stat().st_size < 4000
    archives.check(data)
    monkeypatch.setattr(memory, "available", lambda: 3 * 2**20)
    message = train(fails, data, tmp_path)
    assert "There is not enough memory" in message and "unpacked 1,0" in message


IMAGES = {
    "png": (png(10**5, 10**5), "it claims 100000 x 100000 pixels"),
    "png of the largest sides": (png(2**31 - 1, 2**31 - 1), "it claims 2147483647 x 2147483647"),
    "gif": (b"GIF89a" + struct.pack("<HH", 65535, 65535) + bytes(20), "it claims 65535 x 65535"),
    "bmp": (
        b"BM" + bytes(16) + struct.pack("<ii", 10**6, -(10**6)) + bytes(9),
        "it claims 1000000",
    ),
    "png cut off": (png(8, 8), "Received: "),
    "png cut off in its header": (png(8, 8)[:18], "Received: "),
    "empty": (b"", "Received: "),
    "text": (b"#!/bin/sh\necho", "Received: "),
}


@pytest.mark.parametrize("name", IMAGES)
def test_images(name, tmp_path):
    content, message = IMAGES[name]
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "image.png").write_bytes(content)
    with pytest.raises(ValueError, match="Cannot read .*image.png as a PNG.*Received: ") as caught:
        episodes.from_directory(tmp_path, 8)
    assert message in str(caught.value)


def changed(source, path, name, change):
    """A copy of a .keras file in which one entry is different."""
    with zipfile.ZipFile(source) as file:
        entries = {entry: file.read(entry) for entry in file.namelist()}
    entries[name] = change(entries.get(name))
    return archive(path, entries)


def with_lambda(path):
    """A model whose layer is code."""
    layer = keras.layers.Lambda(lambda x: (open(WRITTEN, "w").close(), x)[1])
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), layer, keras.layers.Dense(2)]
    keras.Sequential(layers).save(path)


def larger(config):
    """The network's last layer says that it has 10^9 units."""
    config = json.loads(config)
    config["config"]["layers"][-1]["config"]["units"] = 10**9
    return json.dumps(config)


def foreign(module, name):
    def change(config):
        config = json.loads(config)
        layer = {"module": module, "class_name": name, "config": "id", "registered_name": name}
        config["config"]["layers"][-1] = layer
        return json.dumps(config)

    return change


def huge_dataset(content):
    """The stored kernel says that it has 10^12 elements, of which none is stored."""
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        names = []
        file.visititems(lambda name, x: names.append(name) if isinstance(x, h5py.Dataset) else None)
        del file[names[0]]
        file.create_dataset(names[0], (10**6, 10**6), "f4", chunks=(100, 100))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "network.keras"
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    keras.Sequential(layers).save(path)
    return path


NETWORKS = {
    "10^9 units": ("config.json", larger, "describes a model that is larger than what it holds"),
    "10^12 stored elements": ("model.weights.h5", huge_dataset, ""),
    "a function of the system": ("config.json", foreign("os", "system"), ""),
    "a function of Python": ("config.json", foreign("builtins", "eval"), ""),
    "a module to import": ("config.json", foreign("antigravity", "fly"), ""),
    "parent folder": ("../../evil.py", lambda _: "evil", OUTSIDE),
    "absolute": ("/tmp/evil.py", lambda _: "evil", OUTSIDE),
    "no JSON": ("config.json", lambda content: content[:50], ""),
    "a list for a configuration": ("config.json", lambda _: "[]", ""),
    "no HDF5": ("model.weights.h5", lambda content: content[:100], ""),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name, fails, image_folder, network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    entry, change, message = NETWORKS[name]
    changed(network, tmp_path / "bad.keras", entry, change)
    options = ["--data", image_folder, "--network", tmp_path / "bad.keras"]
    found = fails("train", *options, "--out", tmp_path / "run", *TINY, *SHORT)
    usable = "conv4-max, resnet12, wide-resnet, sinusoid_mlp, text_embedding or a .keras file"
    assert f"--network must be conv4, {usable}" in found and message in found
    assert {p.name for p in tmp_path.iterdir()} == {"bad.keras"}


def test_code_in_a_network_is_not_run(fails, image_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with_lambda(tmp_path / "bad.keras")
    (tmp_path / WRITTEN).unlink(missing_ok=True)
    options = ["--data", image_folder, "--network", tmp_path / "bad.keras"]
    found = fails("train", *options, "--out", tmp_path / "run", *TINY, *SHORT)
    assert "bad.keras: " in found and "Lambda" in found
    with pytest.raises(ValueError, match="Lambda"):
        keras.models.load_model(tmp_path / "bad.keras")
    assert not (tmp_path / WRITTEN).exists()


def test_other_files_than_keras_files_are_not_read(tmp_path):
    for name in ("model.h5", "model.pkl", "folder"):
        with pytest.raises(ValueError, match="read from a .keras file. Received: "):
            model_files.load(tmp_path / name)


def test_no_code_calls_for_unsafe_loading():
    for file in pathlib.Path(keras_meta.__file__).parent.rglob("*.py"):
        text = file.read_text()
        assert "safe_mode" not in text and "enable_unsafe_deserialization" not in text, file
        # Workers and their parent read what the other writes to the pipe, never a file.
        of_pipes = file.name in ("gymnasium_worker.py", "worker_pool.py")
        loads = "pickle.load" in text and not of_pipes
        assert "allow_pickle=True" not in text and not loads, file


LEARNER_CHANGES = {
    "10^9 units": ('"units": 2,', "larger than what it holds"),
    "10^9 filters": ('"filters": 2,', ""),  # the next layer does not fit
}


@pytest.mark.parametrize("name", LEARNER_CHANGES)
def test_a_learner_that_is_larger_than_its_file(name, fails, image_run, tmp_path):
    before, expected = LEARNER_CHANGES[name]

    def enlarge(content):
        text = content.decode()
        assert before in text
        return text.replace(before, before.replace("2", str(10**9)))

    (tmp_path / "config.json").write_text((image_run / "config.json").read_text())
    changed(image_run / "learner.keras", tmp_path / "learner.keras", "config.json", enlarge)
    message = fails("evaluate", tmp_path)
    assert "The learner cannot be read. Received: " in message
    assert expected in message


def test_a_learner_with_code(fails, image_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.json").write_text((image_run / "config.json").read_text())
    with_lambda(tmp_path / "learner.keras")
    (tmp_path / WRITTEN).unlink(missing_ok=True)
    message = fails("evaluate", tmp_path)
    assert "The learner cannot be read" in message and "Lambda" in message
    assert not (tmp_path / WRITTEN).exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"data": "glyphs"}', "\x00"])
def test_configurations_of_a_run(text, fails, tmp_path):
    (tmp_path / "config.json").write_text(text)
    assert "The configuration of the run cannot be read" in fails("evaluate", tmp_path)


def test_a_good_run_is_still_read(image_run):
    assert RunFolder(image_run).read_learner().episode_spec is not None


def test_lora_weights_of_a_rank_that_the_file_does_not_hold(tmp_path):
    model = backbones.classifier()
    learners.MAML(model, 0.1, inner_loss="mse", adapted_weights="lora").save(tmp_path / "a.keras")
    model_files.load(tmp_path / "a.keras")

    def enlarged(config):
        config = json.loads(config)
        lora = config["config"]["model"]["config"]["lora"]
        lora[min(lora)][0] = 10**9
        return json.dumps(config)

    changed(tmp_path / "a.keras", tmp_path / "bad.keras", "config.json", enlarged)
    with pytest.raises(ValueError, match="describes a model that is larger than what it holds"):
        model_files.load(tmp_path / "bad.keras")
