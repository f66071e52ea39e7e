"""The same table from arrays, data frames, CSV and Parquet files."""

import importlib

import numpy as np
import pytest

from keras_meta.episodes import table_reading
from keras_meta.episodes.table_columns import CategoryCollector, NumberCollector
from tests.episodes.tables import plants, write


def read(table, number="height", category="soil"):
    collectors = [NumberCollector(number), CategoryCollector(category)]
    numbers, categories = table_reading.read(table, collectors)
    return numbers.values, np.array(categories.names, object)[categories.numbers]


class Frame:
    """What a pandas `DataFrame` has of a mapping."""

    def __init__(self, columns):
        self.columns = list(columns)
        self._of_name = columns

    def __iter__(self):
        return iter(self.columns)

    def __getitem__(self, name):
        return self._of_name[name]


def test_every_kind_of_table(tmp_path):
    table = plants()
    for source in (table, Frame(table), write(tmp_path / "plants.csv", table)):
        check(source)


def check(source):
    """The columns are those of `plants()`."""
    height, soil = read(source)
    np.testing.assert_array_equal(height, plants()["height"])
    assert soil.tolist() == plants()["soil"].tolist()
    assert table_reading.column_names(source) == list(plants())


def test_a_frame_of_pandas():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.DataFrame(plants())
    check(frame)
    shuffled = frame.sample(frac=1.0, random_state=0)  # the index says nothing about the order
    np.testing.assert_array_equal(read(shuffled)[0], shuffled["height"].to_numpy())
    frame["soil"] = frame["soil"].astype("category")
    frame["height"] = frame["height"].astype("Int64")
    check(frame)
    frame.loc[2, "soil"] = None
    with pytest.raises(ValueError, match="The column 'soil' lacks a value.*in row 2"):
        read(frame)
    frame.loc[2, "soil"], frame.loc[3, "height"] = "clay", pandas.NA
    with pytest.raises(ValueError, match="The column 'height' lacks a value.*in row 3"):
        read(frame)
    dates = pandas.DataFrame({"day": pandas.to_datetime(["2024-01-02", "2024-01-01"])})
    (days,) = table_reading.read(dates, [NumberCollector("day", dates=True)])
    assert days.values[0] - days.values[1] == 24 * 60 * 60


def test_a_file_of_parquet(tmp_path):
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    parquet = importlib.import_module("pyarrow.parquet")
    path = tmp_path / "plants.parquet"
    parquet.write_table(arrow.table(plants()), path, row_group_size=7)
    check(path)
    with pytest.raises(ValueError, match="lacks a column. Received: .*plants.parquet.*'depth'"):
        read(path, number="depth")
    table = {"height": [1.0, None, 3.0], "soil": ["clay", "sand", None]}
    parquet.write_table(arrow.table(table), path)
    with pytest.raises(ValueError, match="The column 'height' lacks a value.*row 1"):
        read(path)
    collectors = [NumberCollector("height", missing=True), CategoryCollector("soil", missing=True)]
    height, soil = table_reading.read(path, collectors)
    assert np.isnan(height.values).tolist() == [False, True, False]
    assert [soil.names[number] for number in soil.numbers] == ["clay", "sand", ""]
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="cannot be read as Parquet"):
        read(path)


def test_tables_that_cannot_be_used(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="lacks a column. Received: a dict.*'depth'"):
        read(plants(), number="depth")
    with pytest.raises(ValueError, match="has a column twice"):
        read(_twice())
    with pytest.raises(ValueError, match="same number of rows.*'soil' with 1"):
        read({**plants(), "soil": ["sand"]})
    with pytest.raises(ValueError, match="at least one. Received: 'height' with 0"):
        read({"height": [], "soil": []})
    with pytest.raises(ValueError, match="one-dimensional. Received: 'height' with shape"):
        read({**plants(), "height": np.zeros([3, 2])})
    with pytest.raises(TypeError, match="Received: list"):
        read([1, 2])
    with pytest.raises(ValueError, match="must be .csv or .parquet. Received: .*plants.txt"):
        read(tmp_path / "plants.txt")
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    with pytest.raises(ValueError, match="at least one row"):
        read(empty)
    (tmp_path / "bad.parquet").write_bytes(b"nothing")
    monkeypatch.setattr(importlib, "import_module", _no_module)
    with pytest.raises(ImportError, match="read by pyarrow. Install it"):
        read(tmp_path / "bad.parquet")


def _twice():
    frame = Frame(plants())
    frame.columns.append("soil")
    return frame


def _no_module(name):
    raise ImportError(name)
