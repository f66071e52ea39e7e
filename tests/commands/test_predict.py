import csv

import keras
import numpy as np
import pytest

from keras_meta import episodes
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
