"""`keras-meta table`: a table in, predictions out."""

import csv

import numpy as np
import pytest

from keras_meta import cli
from keras_meta.in_context.weights import write_network
from keras_meta.networks.table_transformer import TableTransformer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of 30 known rows and 4 unknown ones, and the weights of a small network."""
    path = tmp_path_factory.mktemp("table")
    random = np.random.default_rng(0)
    size, kind = random.normal(size=34), random.choice(["a", "b"], 34)
    rows = [
        (f"{s:.3f}" if i % 5 else "", k, "yes" if s > 0 else "no", f"{3 * s:.3f}")
        for i, (s, k) in enumerate(zip(size, kind, strict=True))
    ]
    for name, part, columns in (("train", rows[:30], 4), ("test", rows[30:], 2)):
        with open(path / f"{name}.csv", "w", newline="") as file:
            header = ["size", "kind", "bought", "price"][:columns]
            csv.writer(file).writerows([header, *(row[:columns] for row in part)])
    network = TableTransformer(width=8, num_blocks=1, num_heads=2, num_buckets=20)
    values = [np.asarray(v) for v in network.variables]
    write_network(path / "small.npz", network, values, {})
    return path


def table(folder, *arguments):
    files = [str(folder / "train.csv"), str(folder / "test.csv")]
    weights = ["--weights", str(folder / "small.npz"), "--members", "2"]
    return cli.main(["table", *files, *weights, *arguments])


def test_classes_with_probabilities(folder, capsys):
    assert table(folder, "--target", "bought", "--ignore", "price") == 0
    header, *rows = csv.reader(capsys.readouterr().out.splitlines())
    assert header == ["bought", "probability of no", "probability of yes"] and len(rows) == 4
    for name, no, yes in rows:
        assert abs(float(no) + float(yes) - 1) < 1e-5
        assert name == ("yes" if float(yes) > float(no) else "no")


def test_numbers_with_intervals(folder):
    out = folder / "out.csv"
    assert table(folder, "--target", "price", "--out", str(out)) == 0
    header, *rows = csv.reader(out.read_text().splitlines())
    assert header == ["price", "lower", "upper"] and len(rows) == 4
    assert all(float(low) < float(high) for _, low, high in rows)


def test_columns_that_are_not_used_come_first(folder, tmp_path, capsys):
    header, *rows = csv.reader((folder / "test.csv").read_text().splitlines())
    with open(tmp_path / "test.csv", "w", newline="") as file:
        rows = [[f"00{k}", *row, "1.50", ""] for k, row in enumerate(rows)]
        csv.writer(file).writerows([["id", *header, "note", "price"], *rows])
    files = [str(folder / "train.csv"), str(tmp_path / "test.csv")]
    options = ["--weights", str(folder / "small.npz"), "--members", "1", "--ignore", "kind"]
    assert cli.main(["table", *files, *options, "--target", "price"]) == 0
    header, *found = csv.reader(capsys.readouterr().out.splitlines())
    assert header == ["id", "kind", "note", "price", "lower", "upper"]
    assert [row[:3] for row in found] == [[row[0], row[2], "1.50"] for row in rows]


def test_bad_input(folder, capsys):
    def message(*arguments):
        assert table(folder, *arguments) == 2
        return capsys.readouterr().err

    assert "--target must be a column" in message("--target", "weight")
    shared = message("--target", "price", "--ignore", "size,kind")
    assert "need columns in common besides the target" in shared
    assert "at most 10 classes" in message("--target", "price", "--as", "classes")
    assert "needs a size. Fill it in" in message("--target", "size")
