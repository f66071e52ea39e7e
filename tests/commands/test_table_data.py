"""Runs on a table whose rows belong to groups, from training to predicting."""

import csv
import json
import shutil

import numpy as np
import pytest

from keras_meta import baselines, cli
from keras_meta.commands import table_baselines
from keras_meta.commands.run_folder import RunFolder
from tests.commands.conftest import SHORT
from tests.episodes.tables import plants, write

COLUMNS = ["--task", "plant", "--x", "day,soil", "--y", "height"]
SMALL = ["--shots", 2, "--queries", 2, "--batch-size", 2, *SHORT]


@pytest.fixture(scope="module")
def table_run(tmp_path_factory):
    """A run of two iterations on 60 plants, 10 of which are to validate."""
    folder = tmp_path_factory.mktemp("tables")
    data = write(folder / "plants.csv", plants(60))
    arguments = ["train", "--data", data, *COLUMNS, *SMALL, "--out", folder / "run"]
    assert cli.main([str(x) for x in arguments]) == 0
    return folder / "run"


def test_the_run(run, table_run):
    config = json.loads((table_run / "config.json").read_text())
    assert config["learner"] == "ridge" and config["network"] == "table_network"
    assert config["x"] == ["day", "soil"] and config["min_shots"] == 1
    intervals = json.loads((table_run / "intervals.json").read_text())
    assert intervals["coverage"] == 0.9 and intervals["factor"] > 0
    learner = RunFolder(table_run).read_learner()
    assert learner.prior_rows > 0 and learner.target_mean > 1000
    status, output, errors = run("train", "--resume", "--out", table_run)
    assert status == 0 and "already done 2 iterations" in output, errors
    assert "ridge on table_network of day (number), soil (3 categories). 38 tasks" in output


def test_a_run_goes_on_and_keeps_its_best_epoch(run, table_run, tmp_path):
    copy = shutil.copytree(table_run, tmp_path / "run")
    status, output, errors = run("train", "--resume", "--out", copy, "--iterations", 10)
    assert status == 0 and "Resuming after iteration 2" in output, errors
    with (copy / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    best = min(rows, key=lambda row: float(row["val_loss"]))
    assert len(rows) == 5
    learner = RunFolder(copy).read_learner()
    assert int(learner.optimizer.iterations) == int(best["iterations"])


def test_evaluation(run, table_run):
    status, output, errors = run(
        *("evaluate", table_run, "--tasks", 4, "--shots", 3, "--without-baselines")
    )
    assert status == 0 and "mse over 4 tasks: ridge" in output, errors
    assert "Intervals of 90% cover" in output and "their mean width is" in output
    result = json.loads((table_run / "evaluation.json").read_text())
    assert result["tasks"] == 4 and result["known_rows"] == [3, 3]
    assert 0 <= result["intervals"]["covered"][0] <= 1


def test_evaluation_beside_baselines(run, table_run, monkeypatch):
    """The tests of the baselines run all of them; this one makes them, and runs the fastest."""
    made, names = table_baselines.make, []

    def fastest(*arguments):
        found = made(*arguments)
        names.extend(found)
        return {"mean": found["mean"]}

    monkeypatch.setattr(table_baselines, "make", fastest)
    monkeypatch.setattr(baselines, "train_pooled_model", lambda model, *args, **kwargs: model)
    status, output, errors = run("evaluate", table_run)
    assert status == 0 and "mse over 12 tasks" in output and "prior examples" in output, errors
    result = json.loads((table_run / "evaluation.json").read_text())
    assert list(result["settings"]) == ["mean"]
    (learned, _), (mean, _) = result["mean"].values()
    assert result["paired_difference"]["mean"][0] == pytest.approx(learned - mean)
    expected = ["mean", "shrunken mean", "line", "interpolation", "pooled model"]
    expected += ["pooled + intercept", "ridge per task", "Gaussian process", "pooled + process"]
    assert names == [*expected, "fine-tuning"]


def rows_to_predict():
    """Rows of two new plants, every third of which has no height."""
    table = plants(2, seed=9)
    table["plant"] = np.where(table["plant"] == "plant 0", "a", "b")
    table["soil"] = np.where(np.arange(7) == 0, "new", table["soil"])
    table["height"] = np.where(np.arange(7) % 3 == 0, "", table["height"].astype(str))
    return table


def test_predicting_new_groups(run, table_run, tmp_path):
    table = rows_to_predict()
    one = write(tmp_path / "one.csv", table)
    status, output, errors = run("predict", table_run, "--support", one)
    assert status == 0 and not errors, errors
    found = list(csv.DictReader(output.splitlines()))
    assert list(found[0]) == ["plant", "day", "soil", "height", "lower", "upper"]
    assert [row["plant"] for row in found] == ["a", "b", "b"]
    assert [float(row["day"]) for row in found] == table["day"][::3].tolist()
    for row in found:
        assert float(row["lower"]) < float(row["height"]) < float(row["upper"])
    # In two files, to a file.
    known = table["height"] != ""
    support = write(tmp_path / "known.csv", {key: x[known] for key, x in table.items()})
    unknown = {key: x[~known] for key, x in table.items() if key != "height"}
    query, out = write(tmp_path / "unknown.csv", unknown), tmp_path / "out.csv"
    two = ["--support", support, "--query", query, "--out", out]
    assert run("predict", table_run, *two)[0] == 0
    assert out.read_text() == output


def test_the_exported_model_gives_the_same_intervals(
    run, table_run, tmp_path, check_in_clean_process
):
    table = {name: x[3:] for name, x in rows_to_predict().items()}  # of one plant
    one, known = write(tmp_path / "one.csv", table), table["height"] != ""
    rows = list(csv.DictReader(run("predict", table_run, "--support", one)[1].splitlines()))
    assert run("export", table_run, tmp_path / "model")[0] == 0
    task = {"support_y": table["height"][known].astype("float32")[:, None]}
    for part, taken in (("support", known), ("query", ~known)):
        task[f"{part}_x_day"] = table["day"][taken].astype("float32")
        task[f"{part}_x_soil"] = table["soil"][taken].astype(str)
    np.savez(tmp_path / "task.npz", **task)
    check_in_clean_process("table", tmp_path / "model", tmp_path / "task.npz")
    found = np.load(tmp_path / "task.npz")
    for name, column in {"predictions": "height", "lower": "lower", "upper": "upper"}.items():
        expected = [[float(row[column])] for row in rows]
        np.testing.assert_allclose(found[name], expected, rtol=1e-4)


def test_other_options(run, tmp_path):
    """Ordered rows, missing values, small groups, a gradient learner, and too few for intervals."""
    table = plants(20)
    table["day"] = np.where(table["day"] == 0, "", table["day"].astype(str))
    table["season"] = np.arange(len(table["day"])) % 7
    table["wet (m/m²)"] = table["season"] / 7
    data = write(tmp_path / "plants.csv", table)
    options = ["--order", "season", "--mask-missing", "--min-shots", 3, "--learner", "cavia"]
    options += ["--seed", 1, *SMALL, "--shots", 3]
    columns = ["--task", "plant", "--y", "height"]  # and all others
    arguments = ["train", "--data", data, *columns, *options, "--out", tmp_path / "run"]
    status, output, errors = run(*arguments)
    assert status == 0, errors
    assert "note: 4 groups have too few rows for a task: 'plant 0' (3)" in errors
    assert "note: Predictions will have no intervals" in errors
    assert "cavia on table_network" in output and "chosen by season" in output
    # Soils are names although these look like numbers; other columns are ignored.
    new = {"soil": ["1"] * len(table["day"]), "height": np.where(table["season"] % 3, "1", "")}
    query = write(tmp_path / "query.csv", {**table, **new, "more": table["season"]})
    status, output, errors = run("predict", tmp_path / "run", "--support", query)
    assert status == 0 and output.startswith("plant,day,soil,wet (m/m²),height\n"), errors


def train(fails, folder, *options, table=None):
    data = write(folder / "data.csv", plants() if table is None else table)
    return fails("train", "--data", data, *SMALL, "--out", folder / "run", *options)


def test_tables_that_cannot_be_used(fails, tmp_path):
    def message(*options, table=None):
        return train(fails, tmp_path, *options, table=table)

    assert "lacks a column" in message("--task", "tree", "--y", "height")
    assert "--y is missing" in message("--task", "plant")
    assert "'soil' must hold numbers" in message("--task", "plant", "--y", "soil")
    assert "different columns" in message("--task", "plant", "--y", "height", "--x", "height")
    many = message(*COLUMNS, "--min-shots", 3, "--shots", 2)
    assert "--min-shots must not exceed --shots" in many
    assert "No group has the 41 rows" in message(*COLUMNS, "--min-shots", 40, "--shots", 40)
    assert "lacks a value" in message(*COLUMNS, table={**plants(), "day": [""] * 57})
    assert "need tasks of their own" in message(*COLUMNS, table=plants(2))
    assert "learns classes" in message(*COLUMNS, "--learner", "prototypes")
    assert "--label is for a .csv file of texts" in message(*COLUMNS, "--label", "soil")
    assert "--order is for a .csv file of a table" in message("--order", "day")
    assert "--network must be table_network" in message(*COLUMNS, "--network", "conv4")
    assert not (tmp_path / "run").exists()


def test_files_that_cannot_be_used_to_predict(fails, table_run, tmp_path):
    table = rows_to_predict()
    full = write(tmp_path / "full.csv", {**table, "height": np.arange(7)})
    assert "nothing to predict" in fails("predict", table_run, "--support", full)
    table["height"][:3] = ""
    some = write(tmp_path / "some.csv", table)
    assert "1 that have none: a" in fails("predict", table_run, "--support", some)
    message = fails("predict", table_run, "--support", some, "--query", some)
    assert "Every known row needs a height" in message
    assert "--invert is for images" in fails("predict", table_run, "--support", full, "--invert")
    assert "has no --steps" in fails("evaluate", table_run, "--steps", 2)
    copy = shutil.copytree(table_run, tmp_path / "copy")
    (copy / "intervals.json").write_text("{")
    table["height"][1] = "5"
    some = write(tmp_path / "some.csv", table)
    assert "intervals of the run cannot be read" in fails("predict", copy, "--support", some)
