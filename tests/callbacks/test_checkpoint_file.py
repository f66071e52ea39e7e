"""Files of checkpoints: written whole, checked when read."""

import hashlib
import io

import numpy as np
import pytest

from keras_meta.callbacks import checkpoint_file
from keras_meta.callbacks.checkpoint_file import Checkpoint, read_newest, replaced_when_complete

ARRAYS = {
    "model/0": np.arange(6, dtype="float32").reshape(2, 3),
    "model/1": np.array(3, "int64"),
    "empty": np.zeros((0, 4)),
}
VALUES = {"epoch": 2, "callbacks": [{"wait": "1"}, {}], "rate": 0.1}


def checkpoint(step):
    return Checkpoint(step, {**ARRAYS, "step": np.array(step)}, {**VALUES, "batch": step})


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_is_read(tmp_path):
    folder = tmp_path / "deep" / "folder"
    checkpoint_file.write(folder, checkpoint(7))
    found = read_newest(folder)
    assert found.step == 7 and found.values == {**VALUES, "batch": 7}
    assert found.arrays.keys() == {*ARRAYS, "step"}
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == array.dtype


def test_the_file_is_an_archive_of_arrays_and_its_checksum(tmp_path):
    checkpoint_file.write(tmp_path, checkpoint(12))
    content = (tmp_path / "step-000000000012.npz").read_bytes()
    assert hashlib.sha256(content[:-32]).digest() == content[-32:]
    with np.load(io.BytesIO(content)) as file:
        np.testing.assert_array_equal(file["model/0"], ARRAYS["model/0"])


def test_there_may_be_none(tmp_path):
    assert read_newest(tmp_path) is None
    assert read_newest(tmp_path / "absent") is None


def test_the_new_one_and_the_one_to_keep_remain(tmp_path):
    for step in (1, 2, 3):
        checkpoint_file.write(tmp_path, checkpoint(step), keep=step - 1)
    (tmp_path / ".77-step-000000000009.npz").write_bytes(b"left by a killed process")
    (tmp_path / "notes.txt").write_text("not ours")
    checkpoint_file.write(tmp_path, checkpoint(10), keep=3)
    assert names(tmp_path) == ["notes.txt", "step-000000000003.npz", "step-000000000010.npz"]
    checkpoint_file.write(tmp_path, checkpoint(11))
    assert names(tmp_path) == ["notes.txt", "step-000000000011.npz"]


def test_steps_are_ordered_as_numbers(tmp_path):
    for step in (2, 10, 9):
        checkpoint_file.write(tmp_path, checkpoint(step), keep=10)
    assert read_newest(tmp_path).step == 10


@pytest.mark.parametrize("damage", ["one bit of the arrays", "one bit of the checksum", "cut", ""])
def test_a_damaged_file_is_skipped_with_a_warning(tmp_path, damage):
    for step in (4, 5):
        checkpoint_file.write(tmp_path, checkpoint(step), keep=4)
    path = tmp_path / "step-000000000005.npz"
    content = bytearray(path.read_bytes())
    if damage.startswith("one bit"):
        content[len(content) // 3 if "arrays" in damage else -1] ^= 1
    else:
        content = content[:-1] if damage else b""
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=r"step-0+5.npz is damaged. The one before it is used"):
        assert read_newest(tmp_path).step == 4
    (tmp_path / "step-000000000004.npz").write_bytes(b"")
    with pytest.warns(UserWarning, match="damaged"):
        with pytest.raises(ValueError, match="all are damaged. Remove them.*5.npz, .*4.npz"):
            read_newest(tmp_path)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        with replaced_when_complete(path) as temporary:
            temporary.write_text("half of the n")
            raise KeyboardInterrupt
    assert path.read_text() == "old" and names(tmp_path) == ["file"]
    with replaced_when_complete(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new" and names(tmp_path) == ["file"]
