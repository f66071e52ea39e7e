"""Runs on the texts of a folder, each a language, from training to writing."""

import json
import shutil
from operator import attrgetter

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import cli
from keras_meta.commands import data, data_kinds, language_data
from keras_meta.commands.run_folder import RunFolder

TINY = (
    "--length 8 --shots 2 --queries 2 --batch-size 2 --inner-steps 1 --validation-tasks 2".split()
)
SHORT = "--validation-tasks 2 --epoch-iterations 2 --pooled-iterations 2 --iterations 4".split()


def write_texts(folder, number=10):
    """Texts of which each has words of its own, with some letters of two bytes."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for language in range(number):
        letters = random.choice(list("abcdefghiжзйλöü"), 6, replace=False)
        words = ["".join(random.choice(letters, 3)) for _ in range(8)]
        lines = [" ".join(random.choice(words, 4)) for _ in range(8)]
        text = "\n\n".join(lines)
        (folder / f"language{language}.txt").write_text(text, encoding="utf-8")
    return folder


def bigram_model(path, symbols=256):
    """A model that predicts each symbol from the one before it."""
    layers = [keras.layers.Embedding(symbols, 4), keras.layers.Dense(symbols)]
    keras.Sequential([keras.Input((None,), dtype="int32"), *layers]).save(path)
    return path


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    texts, own = write_texts(folder / "texts"), bigram_model(folder / "own.keras")
    options = ["train", "--data", texts, "--network", own, *TINY, *SHORT]
    return [str(x) for x in options]


@pytest.fixture(scope="module")
def language_run(options, tmp_path_factory):
    """A run of two iterations without adapting, and two with."""
    folder = tmp_path_factory.mktemp("runs") / "languages"
    assert cli.main([*options, "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("мама мыла раму\n\nрама мыла\n", encoding="utf-8")
    return path


def test_the_run(run, language_run):
    config = json.loads((language_run / "config.json").read_text())
    assert config["learner"] == "maml" and config["inner_learning_rate"] == 0.3
    files = {file.name for file in language_run.iterdir()} - {"evaluation.json"}
    names = {"config.json", "learner.keras", "pooled.keras", "history.csv", "checkpoints"}
    assert files == names
    learner = RunFolder(language_run).read_learner()
    assert learner.inner_steps == 1 and int(learner.optimizer.iterations) == 4
    pooled = keras.models.load_model(language_run / "pooled.keras")
    assert not np.array_equal(pooled.get_weights()[0], learner.model.get_weights()[0])
    status, output, errors = run("train", "--resume", "--out", language_run)
    assert status == 0 and "already done 4 iterations" in output, errors
    assert "maml on own.keras, 6 languages, 2 more to validate: 2 passages of 8" in output


def test_a_killed_run_ends_the_same(language_run, run, tmp_path):
    """As if it had been killed after the last checkpoint of the first phase."""
    copy = shutil.copytree(language_run, tmp_path / "run")
    (copy / "learner.keras").unlink()
    (copy / "checkpoints" / "step-000000000004.npz").unlink()
    status, output, errors = run("train", "--resume", "--out", copy)
    assert status == 0 and "Resuming after iteration 2." in output and not errors, errors
    expected, found = (
        keras.models.load_model(folder / "learner.keras") for folder in (language_run, copy)
    )
    for group in ("variables", "optimizer.variables"):
        one, other = (attrgetter(group)(learner) for learner in (expected, found))
        for x, y in zip(one, other, strict=True):
            np.testing.assert_array_equal(x, y)
    assert (copy / "history.csv").read_text() == (language_run / "history.csv").read_text()


def test_evaluation(run, language_run):
    options = ["--tasks", 4, "--shots", 1, "--steps", 2]
    status, output, errors = run("evaluate", language_run, *options)
    assert status == 0 and "maml on " in output and "after  2 steps" in output, errors
    assert "n-gram" in output and "pooled model" in output
    result = json.loads((language_run / "evaluation.json").read_text())
    # Two tasks of each of the two test languages.
    assert result["languages"] == 2 and result["passages_to_learn_from"] == 1
    assert len(result["mean_by_step"]) == len(result["half_width_95_by_step"]) == 3
    # Untrained, a model needs 8 bits for each byte.
    assert 4 < result["mean_by_step"][1] < result["mean_by_step"][0] < 16
    assert list(result["settings"]) == ["n-gram", "pooled model"]
    assert run("evaluate", language_run, "--batch-norm", "support")[0] == 2


def test_writing(run, language_run, lines, tmp_path):
    """The data of the run may be gone."""
    copy = shutil.copytree(language_run, tmp_path / "run")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "data": str(tmp_path / "gone")}))
    command = ["write", copy, "--support", lines, "--length", 12]
    status, output, errors = run(*command, "--prompt", "мы", "--samples", 2)
    assert status == 0 and not errors
    before, after = output.split("-- after adapting to 5 passages of ")
    assert before.startswith("-- before adapting:\nмы") and before.count("\nмы") == 2
    assert after.count("\nмы") == 2
    # The likeliest symbols do not depend on the seed.
    likeliest = [run(*command, "--temperature", 0, "--seed", seed) for seed in (0, 1)]
    assert likeliest[0] == likeliest[1] and likeliest[0][1] != output
    status, _, errors = run("evaluate", copy)
    assert status == 2 and "has none or is gone" in errors


def test_files_to_write_from(run, fails, language_run, lines, tmp_path):
    lines.write_text("short", encoding="utf-8")
    message = fails("write", language_run, "--support", lines)
    assert "at least 9 symbols" in message and "with 6; the run learned to adapt to 18" in message
    lines.write_bytes("né".encode("latin-1"))
    message = fails("write", language_run, "--support", lines)
    assert "must be in UTF-8" in message and "whose byte 1 is 0xe9" in message
    assert "No such file" in fails("write", language_run, "--support", tmp_path / "none.txt")
    lines.write_text("many words " * 40, encoding="utf-8")
    assert "--prompt ''" in fails("write", language_run, "--support", lines, "--prompt", "")
    status, output, errors = run("write", language_run, "--support", lines, "--length", 2)
    assert status == 0 and "of 49 passages, 20 at equal distances" in errors


def test_other_commands_and_other_runs(fails, language_run, lines, tmp_path):
    message = fails("predict", language_run, "--support", lines)
    assert f"keras-meta write {language_run} --support" in message
    images = dict.fromkeys(["learner", "ways", "shots", "queries", "seed"]) | {"data": "glyphs"}
    policy = dict.fromkeys(["episodes", "horizon", "seed"]) | {"environment": "navigation"}
    for other, what in ((images, "glyphs"), (policy, "navigation")):
        (tmp_path / "config.json").write_text(json.dumps(other))
        message = fails("write", tmp_path, "--support", lines)
        assert "`write` is for runs on languages" in message and f"a run on {what}." in message


def test_the_exported_model_takes_bytes(run, language_run, tmp_path):
    assert run("export", language_run, tmp_path / "model")[0] == 0
    endpoint = tf.saved_model.load(tmp_path / "model").signatures["adapt_and_predict"]
    text = np.frombuffer("мама мыла раму".encode(), np.uint8).astype("int32")
    support = tf.constant(text[:18].reshape(2, 9))
    inputs = {"support_x": support[:, :-1], "support_y": support[:, 1:]}
    inputs["query_x"] = tf.constant(text[18:26][None])
    assert endpoint(**inputs)["predictions"].shape == (1, 8, 256)


def config(folder, **options):
    sizes = {"shots": 2, "queries": 2, "length": 8, "seed": 0}
    return {"data": str(folder), **sizes, **options}


def test_no_language_is_in_two_splits_and_short_texts_are_left_out(tmp_path, capsys):
    folder = write_texts(tmp_path / "texts", number=20)
    (folder / "short.txt").write_text("a few words")
    settings = config(folder)
    distribution = language_data.load(settings)
    note = capsys.readouterr().err
    assert "1 of 21 texts are too short, and are left out: short. A task learns from 18" in note
    names = [distribution(split).names for split in ("train", "validation", "test")]
    assert [len(x) for x in names] == [13, 3, 4] and len(set(sum(names, []))) == 20
    other = language_data.load(config(folder, seed=1))
    assert other("test").names != names[2]
    with pytest.raises(ValueError, match="test languages have too little text for --shots 50"):
        distribution("test", num_shots=50)
    (folder / "language3.txt").write_text("another text")
    with pytest.raises(ValueError, match="their languages or texts differ"):
        language_data.load(settings)


def test_folders_that_cannot_be_used(tmp_path):
    folder = write_texts(tmp_path / "texts", number=7)
    with pytest.raises(ValueError, match="at least 8 languages .* Received: .* with 7"):
        language_data.load(config(folder))
    (folder / "latin.txt").write_bytes(b"\xe9t\xe9")
    with pytest.raises(ValueError, match=r"latin.txt, whose byte 0 is 0xe9. Convert it"):
        language_data.load(config(folder))


def test_invented_languages_need_no_data():
    distribution = data.load(config("languages"))
    train, test = distribution("train"), distribution("test", 3, 1)
    assert test.num_queries == 3 and test.num_shots == 1 and train.num_shots == 2
    texts = [x.texts(0, 1, 40).numpy().tolist() for x in (train, test)]
    assert texts[0] != texts[1]
    assert language_data.codec(config("languages")).encode("b. ").tolist() == [4, 2, 1]


def test_a_folder_of_class_folders_with_a_note_is_not_one_of_texts(tmp_path):
    folder = write_texts(tmp_path / "texts", number=1)
    assert data_kinds.is_languages({"data": folder})
    (folder / "class").mkdir()
    assert not data_kinds.is_languages({"data": folder})


def test_options_that_do_not_fit(fails, tmp_path):
    train = ["train", "--out", tmp_path, "--data"]
    assert "--length is for languages" in fails(*train, "glyphs", "--length", 8)
    message = fails(*train, "languages", "--learner", "prototypes")
    assert "one of maml, fomaml, anil, boil for languages" in message
    message = fails(*train, "languages", "--iterations", 10)
    assert "--pooled-iterations 300 with --iterations 10" in message
    assert "--text is for a .csv file" in fails(*train, "languages", "--text", "words")
