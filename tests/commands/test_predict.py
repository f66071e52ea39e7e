import csv
import json

import keras
import numpy as np
import pytest

from keras_meta import cli, episodes
from keras_meta.commands.run_folder import RunFolder
from tests.commands.conftest import SHORT, TINY, write_images
from tests.quick import quick_first


@pytest.fixture
def own_images(tmp_path):
    """Two classes of different size, of another size than in training, and three queries."""
    write_images(tmp_path / "support", classes=2, examples=2, side=16)
    (tmp_path / "support" / "class1" / "1.png").unlink()
    write_images(tmp_path / "query", classes=3, examples=1, side=16)
    return tmp_path


def test_a_row_for_each_query(run, image_run, own_images):
    out = own_images / "answers.csv"
    folders = ["--support", own_images / "support", "--query", own_images / "query"]
    status, _, errors = run("predict", image_run, *folders, "--out", out)
    assert status == 0 and "each prediction depends on the others" in errors
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [f"class{k}/0.png" for k in range(3)]
    assert {row["class"] for row in rows} <= {"class0", "class1"}
    assert all(0.5 <= float(row["probability"]) <= 1.0 for row in rows)

    status, output, _ = run("predict", image_run, *folders)
    assert status == 0 and output == out.read_text()
    assert run("predict", image_run, *folders, "--invert")[1] != output


@pytest.mark.parametrize("generates", quick_first(["svm", "network"], ["svm"]))
def test_a_learner_generator(run, image_folder, own_images, generates):
    options = [
        "--data",
        image_folder,
        "--learner",
        "generator",
        "--generates",
        generates,
        *TINY,
        *SHORT,
    ]
    assert run("train", *options, "--out", own_images / "run")[0] == 0
    folders = ["--support", own_images / "support", "--query", own_images / "query"]
    status, output, errors = run("predict", own_images / "run", *folders)
    assert status == 0, errors
    rows = list(csv.DictReader(output.splitlines()))
    assert len(rows) == 3 and all(0.5 <= float(row["probability"]) <= 1.0 for row in rows)


def test_inductive_predictions_come_without_a_note(run, image_folder, own_images):
    options = ["--data", image_folder, *TINY, *SHORT, "--batch-norm", "support"]
    status, output, errors = run("train", *options, "--out", own_images / "run")
    assert status == 0 and "Predictions are inductive" in output, errors
    folders = ["--support", own_images / "support", "--query", own_images / "query"]
    status, _, errors = run("predict", own_images / "run", *folders)
    assert status == 0 and errors == ""


def test_images_are_as_in_training(run, image_run, tmp_path):
    write_images(tmp_path, classes=2, examples=1)
    status, output, _ = run("predict", image_run, "--support", tmp_path, "--query", tmp_path)
    assert status == 0
    x, _ = episodes.from_directory(tmp_path, 8)
    x = (x / np.float32(255.0))[None]
    learner = RunFolder(image_run).read_learner()
    logits = learner({"support_x": x, "support_y": np.array([[0, 1]], "int32"), "query_x": x})
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(logits))[0].max(axis=-1)
    found = [float(row["probability"]) for row in csv.DictReader(output.splitlines())]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_number_of_classes_must_be_that_of_the_run(fails, image_run, own_images):
    write_images(own_images / "three", classes=3, examples=1)
    message = fails(
        "predict", image_run, "--support", own_images / "three", "--query", own_images / "query"
    )
    assert "as many classes as the run has ways, 2. Received: 3 in" in message
    assert "train with --ways 3" in message


@pytest.fixture(scope="module")
def run_of_many_classes(tmp_path_factory):
    """A run of a learner with open ways, whose validation has three classes."""
    folder = tmp_path_factory.mktemp("many")
    write_images(folder / "images", classes=20, examples=4)
    options = ["--learner", "prototypes", *TINY, *SHORT]
    data = ["--data", folder / "images", "--out", folder / "run"]
    assert cli.main(list(map(str, ["train", *data, *options]))) == 0
    return folder / "run"


def test_any_number_of_classes_and_refusal_and_a_sheet(run, fails, run_of_many_classes, tmp_path):
    write_images(tmp_path / "support", classes=4, examples=2, side=16)
    (tmp_path / "support" / "class3").rename(tmp_path / "support" / "<b>&amp;")
    write_images(tmp_path / "query", classes=6, examples=1, side=300)
    folders = ["--support", tmp_path / "support", "--query", tmp_path / "query"]
    status, output, errors = run("predict", run_of_many_classes, *folders)
    assert status == 0, errors
    plain = list(csv.DictReader(output.splitlines()))
    assert len(plain) == 6 and all(float(row["probability"]) >= 0.25 for row in plain)
    assert not (run_of_many_classes / "unknown.json").exists()

    sheet = tmp_path / "sheet.html"
    status, output, errors = run(
        "predict", run_of_many_classes, *folders, "--unknown", "--sheet", sheet
    )
    assert status == 0 and "validation tasks of 2 known classes with 2 examples" in errors
    assert "Here are 4 classes, and validation has too few" in errors
    rows = list(csv.DictReader(output.splitlines()))
    assert {row["class"] for row in rows} <= {row["class"] for row in plain} | {"unknown"}
    for row, other in zip(rows, plain, strict=True):
        assert row["probability"] == ("" if row["class"] == "unknown" else other["probability"])
    (found,) = json.loads((run_of_many_classes / "unknown.json").read_text()).values()
    assert 0 <= found["area_under_the_curve"] <= 1 and found["score"] in ("logit", "probability")

    page = sheet.read_text()
    assert "<b>" not in page and "&lt;b&gt;&amp;amp;: " in page
    assert page.count("<img ") == 8 + 6 and len(page) < 14 * 20_000

    # The threshold is that of the run, not learned again.
    content = (run_of_many_classes / "unknown.json").read_text()
    edited = content.replace(str(found["threshold"]), "1e9")
    chance = edited.replace(str(found["area_under_the_curve"]), "0.53")
    (run_of_many_classes / "unknown.json").write_text(chance)
    status, output, errors = run(
        "predict", run_of_many_classes, *folders, "--unknown", "none of these"
    )
    assert output.count(",none of these,\n") == 6
    assert "53% of all pairs" in errors and "hardly better than chance" in errors
    (run_of_many_classes / "unknown.json").unlink()
    message = fails("predict", run_of_many_classes, *folders, "--unknown", "class0")
    assert "--unknown must not be the name of a class" in message


def test_refusal_needs_a_further_class(fails, image_run, own_images):
    folders = ["--support", own_images / "support", "--query", own_images / "query"]
    message = fails("predict", image_run, *folders, "--unknown")
    assert "Received: 2 validation classes, for tasks of 2 ways." in message


def test_folders_that_cannot_be_used(fails, image_run, own_images):
    support, query = own_images / "support", own_images / "query"
    missing = own_images / "nothing"
    assert "nothing there" in fails("predict", image_run, "--support", missing, "--query", query)
    flat = support / "class0"
    assert "no class folders" in fails("predict", image_run, "--support", flat, "--query", query)
    assert "must be in a folder that exists" in fails(
        *("predict", image_run, "--support", support, "--query", query, "--out", missing / "a.csv")
    )
    (query / "broken.jpg").write_text("no image")
    assert "broken.jpg" in fails("predict", image_run, "--support", support, "--query", query)


def test_a_run_on_other_things_than_images(fails, run, tmp_path):
    options = "--data sinusoid --shots 3 --queries 3 --batch-size 2".split()
    assert run("train", *options, *SHORT, "--out", tmp_path / "run")[0] == 0
    message = fails("predict", tmp_path / "run", "--support", tmp_path, "--query", tmp_path)
    assert "Received: a run on sinusoid" in message
