"""Runs on the texts of a CSV file, from training to predicting."""

import csv
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import cli
from keras_meta.commands.run_folder import RunFolder
from tests.commands.conftest import SHORT

SMALL = ["--ways", 2, "--queries", 2, "--batch-size", 2, *SHORT]


def write(path, rows, header=("text", "label")):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def rows(labels=15, examples=4, domains=5):
    """Texts of `labels` labels in some domains."""
    return [
        (f"about {label} in example {k}", f"label{label}", f"domain{label % domains}")
        for label in range(labels)
        for k in range(examples)
    ]


@pytest.fixture(scope="module")
def text_run(tmp_path_factory):
    """A run of two iterations on texts of 15 labels in 5 domains."""
    folder = tmp_path_factory.mktemp("texts")
    data = write(folder / "data.csv", rows(), ["sentence", "intent", "domain"])
    columns = ["--text", "sentence", "--label", "intent", "--group", "domain"]
    arguments = ["train", "--data", data, *columns, *SMALL, "--out", folder / "run"]
    assert cli.main([str(x) for x in arguments]) == 0
    return folder / "run"


@pytest.fixture
def known(tmp_path):
    """Texts of three labels that the run has never seen, one of which has two examples."""
    labelled = [("about 1, please", "une"), ("Über 2", "zwei"), ("二", "zwei"), ("about 3", "три")]
    return write(tmp_path / "known.csv", labelled, ["sentence", "intent"])


@pytest.fixture
def unknown(tmp_path):
    lines = [("about 3",), ("",), ("about 3",), ("¿?",), ("ελληνικά, x",)]
    return write(tmp_path / "unknown.csv", lines, ["sentence"])


def test_defaults(run, tmp_path):
    data = write(tmp_path / "data.csv", [row[:2] for row in rows(labels=40, examples=6)])
    short = ["--epoch-iterations", 1, "--iterations", 1, "--validation-tasks", 1]
    status, output, errors = run("train", "--data", data, *short, "--out", tmp_path / "run")
    assert status == 0, errors
    assert "ridge on text_embedding, 156 texts of 26 labels" in output
    assert "20-way 1-shot, validation tasks 5-way of 6 other labels" in output
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["text"], config["label"], config["queries"]) == ("text", "label", 5)


def test_evaluation(run, text_run):
    status, output, errors = run("evaluate", text_run, "--tasks", 3)
    assert status == 0 and "ridge on " in output and "3 tasks of 4 queries" in output, errors


def test_a_run_goes_on_where_it_was_stopped(run, text_run, tmp_path):
    status, output, errors = run("train", "--resume", "--out", text_run)
    assert status == 0 and "already done 2 iterations" in output, errors


def test_domains_are_kept_apart(text_run):
    """Words of other domains are unknown, because the vocabulary is that of training."""
    lookup = RunFolder(text_run).read_learner().model.get_layer("words_lookup")
    words = lookup.get_vocabulary(include_special_tokens=False)
    numbers = {int(word) for word in words if word.isdigit()} - {0, 1, 2, 3}
    assert len({number % 5 for number in numbers if number > 3}) == 3


def test_predicting_any_number_of_labels(run, text_run, known, unknown, tmp_path):
    status, output, errors = run("predict", text_run, "--support", known, "--query", unknown)
    assert status == 0 and not errors, errors
    found = list(csv.DictReader(output.splitlines()))
    assert list(found[0]) == ["sentence", "intent", "probability"]
    assert [row["sentence"] for row in found] == ["about 3", "", "about 3", "¿?", "ελληνικά, x"]
    assert {row["intent"] for row in found} <= {"une", "zwei", "три"}
    assert found[0] == found[2] and found[0]["intent"] == "три"
    # Texts without words say nothing.
    assert found[1]["probability"] == found[3]["probability"] == f"{1 / 3:.6f}"

    out = tmp_path / "answers.csv"
    assert run("predict", text_run, "--support", known, "--query", unknown, "--out", out)[0] == 0
    assert out.read_text(encoding="utf-8") == output


@pytest.mark.slow
def test_the_exported_model_takes_strings(run, text_run, tmp_path):
    assert run("export", text_run, tmp_path / "model")[0] == 0
    endpoint = tf.saved_model.load(tmp_path / "model").signatures["adapt_and_predict"]
    texts = {"support_x": tf.constant(["about 1", "二"]), "query_x": tf.constant(["1", "2", ""])}
    found = endpoint(support_y=tf.constant([0, 1]), **texts)["predictions"]
    learner = RunFolder(text_run).read_learner()
    inputs = {key: x[None] for key, x in texts.items()}
    expected = learner({**inputs, "support_y": np.array([[0, 1]], "int32")})[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.slow
def test_rare_labels_and_repeated_rows_are_left_out_with_a_note(run, tmp_path):
    more = [
        ("only once", "rare", "x"),
        *rows()[:3],
        ("twice 1", "few", "x"),
        ("twice 2", "few", "x"),
    ]
    data = write(tmp_path / "data.csv", [*rows(), *more], ["text", "label", "domain"])
    status, output, errors = run("train", "--data", data, *SMALL, "--out", tmp_path / "run")
    assert status == 0, errors
    assert "note: 3 rows repeat the text and label of another and are left out." in errors
    assert "note: 2 of 17 labels have fewer examples than the 3 that a task needs" in errors
    assert "left out: 'few' (2), 'rare' (1)." in errors
    assert "40 texts of 10 labels" in output


@pytest.mark.slow
def test_a_column_of_splits(run, tmp_path):
    split = ["train"] * 28 + ["validation"] * 16 + ["test"] * 16
    data = [(text, label, part) for (text, label, _), part in zip(rows(), split, strict=True)]
    data = write(tmp_path / "data.csv", data, ["text", "label", "split"])
    status, output, errors = run("train", "--data", data, *SMALL, "--out", tmp_path / "run")
    assert status == 0 and "28 texts of 7 labels" in output, errors


@pytest.mark.slow
def test_a_model_of_ones_own_and_another_learner(run, tmp_path):
    data = write(tmp_path / "data.csv", [row[:2] for row in rows()])
    layers = keras.layers
    words = layers.TextVectorization()
    words.adapt([row[0] for row in rows()])
    own = [words, layers.Embedding(40, 4, mask_zero=True), layers.LSTM(4), layers.Dense(2)]
    keras.Sequential([keras.Input((), dtype="string"), *own]).save(tmp_path / "own.keras")
    options = ["--network", tmp_path / "own.keras", "--learner", "maml", *SMALL]
    status, output, errors = run("train", "--data", data, *options, "--out", tmp_path / "run")
    assert status == 0 and "maml on own.keras" in output and "2-way 1-shot" in output, errors
    lines = [("about 3", "a"), ("about 4", "b")]
    known = write(tmp_path / "known.csv", lines)
    status, output, errors = run("predict", tmp_path / "run", "--support", known, "--query", known)
    assert status == 0 and len(output.splitlines()) == 3, errors
    known = write(tmp_path / "known.csv", [*lines, ("about 5", "c")])
    status, _, errors = run("predict", tmp_path / "run", "--support", known, "--query", known)
    assert status == 2 and "as many classes as the run has ways, 2. Received: 3 in" in errors


def train(fails, folder, lines, *options, header=("text", "label", "domain")):
    data = write(folder / "data.csv", lines, header)
    return fails("train", "--data", data, *SMALL, *options, "--out", folder / "run")


def test_files_that_cannot_be_used_to_train(fails, tmp_path):
    assert "lacks a column" in train(fails, tmp_path, rows(), "--label", "intent")
    assert "line 62 with 1 fields" in train(fails, tmp_path, [*rows(), ("alone",)])
    assert "line 62 with an empty field 'text'" in train(fails, tmp_path, [*rows(), ("", "a", "b")])
    assert "too few classes to divide" in train(fails, tmp_path, rows(labels=2))
    message = train(fails, tmp_path, rows(), "--queries", 9)
    assert "No label has the 10 examples" in message and "Choose fewer --queries" in message
    assert "Received: at most 4 examples of a label." in message
    assert "at least one group each" in train(fails, tmp_path, rows(domains=2), "--group", "domain")
    lines = [*rows(), ("other", "label1", "domain3")]
    message = train(fails, tmp_path, lines, "--group", "domain")
    assert "with class 'label1' in 'domain1' and 'domain3'" in message
    message = train(fails, tmp_path, rows(), header=("text", "label", "split"))
    assert "`split` must name one of" in message
    message = train(fails, tmp_path, rows(), "--ways", 6, "--learner", "maml")
    assert "cannot fill episodes of --ways 6" in message
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_texts_that_changed_are_noticed(fails, run, tmp_path):
    data = write(tmp_path / "data.csv", rows(), ["text", "label", "domain"])
    assert run("train", "--data", data, *SMALL, "--out", tmp_path / "run")[0] == 0
    write(data, [("new", *rows()[0][1:]), *rows()[1:]], ["text", "label", "domain"])
    assert "their texts or labels differ" in fails("evaluate", tmp_path / "run")


def test_options_that_do_not_fit(fails, image_folder, tmp_path):
    out = ["--out", tmp_path / "run"]
    message = fails("train", "--data", image_folder, "--label", "intent", *out)
    assert "--label is for a .csv file of texts" in message
    message = fails("train", "--data", image_folder, "--network", "text_embedding", *SMALL, *out)
    assert "--network text_embedding takes the texts of a .csv file" in message
    message = train(fails, tmp_path, rows(), "--learner", "maml", "--validation-ways", 3)
    assert "Received: --validation-ways 3 with --ways 2" in message
    assert "--network conv4 takes images" in train(fails, tmp_path, rows(), "--network", "conv4")


def test_files_that_cannot_be_used_to_predict(fails, text_run, known, unknown, tmp_path):
    one = write(tmp_path / "one.csv", [("a", "same"), ("b", "same")], ["sentence", "intent"])
    message = fails("predict", text_run, "--support", one, "--query", unknown)
    assert "at least two labels. Received: " in message and "all 2 have the label 'same'" in message
    empty = write(tmp_path / "empty.csv", [("a", "x"), ("", "y")], ["sentence", "intent"])
    assert "line 3 with an empty field 'sentence'" in fails(
        *("predict", text_run, "--support", empty, "--query", unknown)
    )
    assert "lacks a column" in fails("predict", text_run, "--support", unknown, "--query", known)
    assert "--invert is for images" in fails(
        *("predict", text_run, "--support", known, "--query", unknown, "--invert")
    )


def test_a_network_that_is_undefined_without_words(fails, run, tmp_path):
    data = write(tmp_path / "data.csv", [row[:2] for row in rows()])
    words = keras.layers.TextVectorization()
    words.adapt([row[0] for row in rows()])
    embedding = keras.layers.Embedding(words.vocabulary_size(), 4, mask_zero=True)
    pooled = [words, embedding, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(2)]
    keras.Sequential([keras.Input((), dtype="string"), *pooled]).save(tmp_path / "own.keras")
    options = ["--network", tmp_path / "own.keras", *SMALL]
    assert run("train", "--data", data, *options, "--out", tmp_path / "run")[0] == 0
    known = write(tmp_path / "known.csv", [("about 3", "a"), ("about 4", "b")])
    unknown = write(tmp_path / "unknown.csv", [("about 3",), ("?",)], ["text"])
    message = fails("predict", tmp_path / "run", "--support", known, "--query", unknown)
    assert "MaskedMean" in message and "1 such of 2, the first of which is number 2" in message
