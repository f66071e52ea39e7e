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
    sources = [table, Frame(table), write(tmp_path / "plants.csv", table)]
    try:
        arrow, parquet = map(importlib.import_module, ("pyarrow", "pyarrow.parquet"))
        parquet.write_table(arrow.table(table), tmp_path / "plants.parquet")
        sources.append(tmp_path / "plants.parquet")
    except ImportError:
        pass
    for source in sources:
        height, soil = read(source)
        np.testing.assert_array_equal(height, table["height"])
        assert soil.tolist() == table["soil"].tolist()
        assert table_reading.column_names(source) == list(table)


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
