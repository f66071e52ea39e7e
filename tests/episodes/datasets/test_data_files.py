"""Arrays from files."""

import collections
import os
import pickle

import numpy as np
import pytest

from keras_meta.episodes.datasets.data_files import read_npz, read_pickle


@pytest.mark.parametrize("protocol", [2, 3, 5])
def test_pickles_of_arrays(tmp_path, protocol):
    content = {
        "data": np.arange(6, dtype="uint8").reshape(2, 3),
        "names": ["a", "b"],
        "number": np.float64(2.5),
        "encoded": b"\x89PNG",
        "rows": collections.OrderedDict(a=[0], b=[1]),
        "texts": np.array(["x", "yy"]),
    }
    (tmp_path / "data.pkl").write_bytes(pickle.dumps(content, protocol))
    read = read_pickle(tmp_path / "data.pkl")
    np.testing.assert_array_equal(read.pop("data"), content.pop("data"))
    np.testing.assert_array_equal(read.pop("texts"), content.pop("texts"))
    assert read == content


def test_strings_and_arrays_of_python_2(tmp_path):
    # {'data': array([1], uint8)} as Python 2 and NumPy 1 write it.
    written = (
        b"\x80\x02}q\x00U\x04dataq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\n"
        b"q\x03K\x00\x85U\x01b\x87Rq\x04(K\x01K\x01\x85cnumpy\ndtype\nq\x05U\x02u1K\x00K\x01\x87R"
        b"q\x06(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x01\x01tbs."
    )
    (tmp_path / "old.pkl").write_bytes(written)
    read = read_pickle(tmp_path / "old.pkl")
    assert read["data"].tolist() == [1] and read["data"].dtype == "uint8"


class Command:
    def __reduce__(self):
        return os.mkdir, ("made",)


def test_a_pickle_runs_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps({"data": Command()}))
    with pytest.raises(ValueError, match="evil.pkl: it contains .*mkdir, which is not data"):
        read_pickle(tmp_path / "evil.pkl")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("content", [b"", b"not a pickle", pickle.dumps([1, 2])[:-1]])
def test_no_pickle(tmp_path, content):
    (tmp_path / "bad.pkl").write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as a pickle of arrays"):
        read_pickle(tmp_path / "bad.pkl")


@pytest.mark.parametrize("names", [("images", "labels"), ("x", "y")])
def test_npz(tmp_path, names):
    x, y = np.ones((2, 4, 4, 3), "uint8"), np.array(["a", "b"])
    np.savez(tmp_path / "data.npz", **dict(zip(names, (x, y), strict=True)))
    read = read_npz(tmp_path / "data.npz")
    np.testing.assert_array_equal(read[0], x)
    np.testing.assert_array_equal(read[1], y)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.ones((2, 4, 4, 3))}, r"it has the arrays \['images'\]"),
        ({"x": np.ones((2, 4, 4, 3)), "y": np.ones(3)}, r"labels of shape \(3,\)"),
        ({"x": np.ones((2, 4)), "y": np.ones(2)}, r"images of shape \(2, 4\)"),
        ({"x": np.array([{}], object), "y": np.ones(1)}, "must be an .npz"),
    ],
)
def test_no_npz_of_images(tmp_path, arrays, message):
    np.savez(tmp_path / "data.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        read_npz(tmp_path / "data.npz")
