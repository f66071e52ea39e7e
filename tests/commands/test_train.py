import csv
import json
import shutil
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from keras_meta import cli
from keras_meta.callbacks import DropBlockSchedule
from keras_meta.commands.run_folder import RunFolder
from tests.commands.conftest import SHORT, TINY
from tests.quick import quick_first, slow

WAVES = "--data sinusoid --shots 3 --queries 3 --batch-size 2".split()


def weights(folder):
    learner = RunFolder(folder).read_learner()
    return [np.asarray(v) for v in [*learner.variables, *learner.optimizer.variables]]


def rows(folder):
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def write_npz(path, classes=12, examples=3, **more):
    x = np.random.default_rng(0).integers(0, 255, [classes * examples, 8, 8], dtype="uint8")
    np.savez(path, x=x, y=np.repeat(np.arange(classes), examples), **more)
    return path


# One step an execution, so that a kill can be anywhere.
OPTIONS = [*WAVES, *"--epoch-iterations 7 --validation-tasks 2 --iterations 14".split()]


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """A run that was not interrupted. Not to be written into."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert cli.main(["train", *OPTIONS, "--out", str(folder)]) == 0
    return folder


def check_equal_runs(first, second):
    for x, y in zip(weights(first), weights(second), strict=True):
        np.testing.assert_array_equal(x, y)
    assert rows(first) == rows(second)


def test_an_interrupted_run_ends_as_an_uninterrupted_one(whole_run, run, tmp_path, monkeypatch):
    original = RunFolder.write_learner

    def interrupted(folder, learner):
        if int(learner.optimizer.iterations) == 14:
            raise KeyboardInterrupt
        original(folder, learner)

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "write_learner", interrupted)
        assert run("train", *OPTIONS, "--out", tmp_path)[0] == 130
    # The history was a row ahead of the checkpoint.
    assert [row["iterations"] for row in rows(tmp_path)] == ["7", "14"]

    status, output, _ = run("train", *OPTIONS, "--out", tmp_path)
    assert status == 0 and "Resuming after iteration 7." in output
    check_equal_runs(whole_run, tmp_path)
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {"config.json", "history.csv", "learner.keras", "checkpoints"}


def test_a_run_killed_inside_an_epoch_resumes_without_its_options(whole_run, run, fails, tmp_path):
    options = [*OPTIONS, "--checkpoint-iterations", "2", "--out", tmp_path / "parts"]
    command = [sys.executable, "-m", "keras_meta", "train", *map(str, options)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not list((tmp_path / "parts").glob("checkpoints/step-*1[01].npz")):
        assert process.poll() is None
        time.sleep(0.001)
    process.kill()
    assert process.communicate()[1] == ""  # nothing of TensorFlow's own either

    status, output, _ = run("train", "--resume", "--out", tmp_path / "parts")
    assert status == 0 and "Resuming after iteration " in output
    check_equal_runs(whole_run, tmp_path / "parts")
    message = fails("train", "--resume", "--out", tmp_path / "parts", "--shots", 2)
    assert "--shots 3 (now 2)" in message
    assert "RUN must be a folder" in fails("train", "--resume", "--out", tmp_path / "none")
    assert "neither --data nor --resume" in fails("train", "--out", tmp_path / "none")
    shutil.rmtree(tmp_path / "parts" / "checkpoints")
    assert "no checkpoint to resume from" in fails("train", "--resume", "--out", tmp_path / "parts")


def test_a_finished_run_can_go_on_with_more_iterations(run, tmp_path):
    options = ["train", *WAVES, *SHORT, "--out", tmp_path]
    assert run(*options)[0] == 0
    assert "already done 2 iterations" in run(*options)[1]
    assert run(*options, "--iterations", 3)[0] == 0
    # Rounded up to whole epochs.
    assert [row["iterations"] for row in rows(tmp_path)] == ["2", "4"]


def test_a_run_that_learns_nothing_stops_and_keeps_its_best_epoch(run, tmp_path, image_folder):
    options = [*"train --learner prototypes --outer-learning-rate 1e-30".split(), *TINY]
    options += ["--data", image_folder, *SHORT, "--out", tmp_path / "run"]
    options += "--epoch-iterations 1 --iterations 30".split()
    status, output, errors = run(*options)
    # A quarter of 30 validations after the first.
    assert status == 0 and "Stopped after iteration 8: 7 validations" in output, errors
    assert "The learner of iteration 1 is kept." in output
    assert len(rows(tmp_path / "run")) == 8
    learner = RunFolder(tmp_path / "run").read_learner()
    assert int(learner.optimizer.iterations) == 1
    status, output, errors = run(*options)
    assert status == 0 and "The run is over: its last 7 validations" in output, errors
    # More iterations are worth more patience.
    status, output, errors = run(*options, "--iterations", 34)
    assert status == 0 and "Stopped after iteration 9: 8 validations" in output, errors


def test_other_options_on_resuming_are_named(whole_run, fails):
    message = fails("train", *OPTIONS, "--out", whole_run, "--seed", 4, "--inner-steps", 2)
    assert "--inner-steps 1 (now 2)" in message and "--seed 0 (now 4)" in message
    assert "--shots" not in message


@pytest.mark.parametrize("learner", quick_first(["fomaml", "anil", "boil"], ["anil"]))
def test_other_learners(run, tmp_path, learner):
    assert run("train", *WAVES, *SHORT, "--out", tmp_path, "--learner", learner)[0] == 0
    found = RunFolder(tmp_path).read_learner()
    assert found.first_order == (learner == "fomaml")
    assert found.adapted_weights == {"fomaml": "all", "anil": "head", "boil": "body"}[learner]


@pytest.mark.parametrize(
    "learner",
    [
        "prototypes",
        *(
            pytest.param(x, marks=pytest.mark.slow)
            for x in ("reptile", "meta-sgd", "maml++", "protomaml")
        ),
    ],
)
def test_learners_of_classes(run, tmp_path, image_folder, learner):
    arguments = ["--data", image_folder, *TINY, *SHORT, "--out", tmp_path, "--learner", learner]
    assert run("train", *arguments)[0] == 0
    status, output, _ = run("evaluate", tmp_path, "--tasks", 2)
    assert status == 0 and f"{learner} on " in output
    assert run("export", tmp_path, tmp_path / "serving")[0] == 0


def test_more_ways_in_training_than_in_validation(run, fails, tmp_path, image_folder):
    arguments = ["train", "--data", image_folder, *TINY, *SHORT, "--out", tmp_path / "run"]
    ways = ["--ways", 6, "--validation-ways", 3]
    message = fails(*arguments, *ways)
    assert "--learner maml has as many outputs as --ways says" in message
    status, output, errors = run(*arguments, *ways, "--learner", "prototypes")
    assert status == 0, errors
    # Of 12 classes, 8, 2 and 2, if validation did not need a third.
    assert "6 for train (6-way), 3 for validation (3-way), 3 for test (3-way)" in output
    assert "1-shot tasks.\n" in output
    assert "Predictions are transductive (--batch-norm transductive)" in output
    learner = RunFolder(tmp_path / "run").read_learner()
    assert learner.variable_way
    status, output, errors = run("evaluate", tmp_path / "run", "--tasks", 2)
    assert status == 0 and "3-way 1-shot" in output, errors


def test_too_few_classes_for_the_ways_of_validation(run, open_run, tmp_path, image_folder):
    status, output, errors = run("train", "--out", open_run, "--resume")
    assert status == 0, errors
    assert "8 for train (5-way), 2 for validation (2-way), 2 for test (2-way)" in output
    for part in ("validation", "test"):
        assert f"{part} tasks are 2-way and not 5-way (--ways), because only 2 classes" in errors
    assert "train tasks are" not in errors
    config = json.loads((open_run / "config.json").read_text())
    assert config["augment"] == ["crop", "jitter", "flip"] and config["network"] == "conv4-max"


@pytest.mark.parametrize("network", [slow("wide-resnet"), "resnet12"])
def test_networks_by_name(run, tmp_path, image_folder, network, monkeypatch):
    rates, begin = [], DropBlockSchedule.on_train_batch_begin

    def recorded(self, batch, logs=None):
        begin(self, batch, logs)
        rates.append(float(self._layers()[0].current_rate / self._layers()[0].rate))

    monkeypatch.setattr(DropBlockSchedule, "on_train_batch_begin", recorded)
    size = ["--image-size", 16, "--augment", "erasing,flip", "--learner", "prototypes"]
    arguments = [*TINY, *SHORT, *size, "--network", network, "--out", tmp_path]
    status, _, errors = run("train", "--data", image_folder, *arguments)
    assert status == 0, errors
    learner = RunFolder(tmp_path).read_learner()
    # Blocks are dropped more and more in the first half of the run.
    shape, expected = ((20,), [0.0, 1.0]) if network == "resnet12" else ((640,), [])
    assert learner.embedding_shape == shape and rates == expected


def test_changes_that_do_not_exist_or_do_not_fit(fails, tmp_path, capsys):
    with pytest.raises(SystemExit):
        fails("train", "--data", "folder", "--augment", "crop,spin", "--out", tmp_path)
    assert "must be changes among crop,jitter,flip,erasing" in capsys.readouterr().err
    message = fails("train", *WAVES, "--augment", "crop", "--out", tmp_path)
    assert "--augment is for images of your own or of tfds" in message


def test_a_learner_of_classes_cannot_learn_waves(fails, tmp_path):
    for learner in ("prototypes", "protomaml"):
        message = fails("train", *WAVES, *SHORT, "--out", tmp_path, "--learner", learner)
        assert f"Received: --learner {learner} --data sinusoid" in message


def test_a_learner_of_one_pass_has_no_inner_steps(fails, tmp_path, image_folder):
    arguments = ["--data", image_folder, *TINY, *SHORT, "--out", tmp_path, "--inner-steps", 2]
    message = fails("train", *arguments, "--learner", "prototypes")
    assert "Received: --inner-steps 2" in message


GENERATED = {
    None: {"waves": "LinearRegression", "images": "LogisticRegression"},
    "svm": {"waves": "LinearSVR", "images": "LinearSVM"},
    "network": {"waves": "NeuralNetwork", "images": "NeuralNetwork"},
    "film": {"waves": "FiLM", "images": "FiLM"},
}


@pytest.mark.parametrize("source", quick_first(["waves", "images"], ["images"]))
@pytest.mark.parametrize("generates", quick_first(GENERATED, [None]))
def test_learner_generators(run, tmp_path, image_folder, generates, source):
    generator = ["--learner", "generator", *(["--generates", generates] if generates else [])]
    options = {
        "waves": [*WAVES, "--inner-steps", 1],
        "images": ["--data", image_folder, *TINY],
    }
    arguments = [*options[source], *SHORT, *generator, "--out", tmp_path]
    status, _, errors = run("train", *arguments)
    assert status == 0, errors
    learner = RunFolder(tmp_path).read_learner()
    assert learner.inner_steps == (source == "waves")
    assert type(learner.generated).__name__ == GENERATED[generates][source]
    status, output, errors = run("evaluate", tmp_path, "--tasks", 2)
    assert status == 0 and "over 2 tasks" in output, errors
    assert ("after  0 steps" in output) == (source == "waves")


@pytest.mark.parametrize("name", [slow("cavia"), "cosine-prototypes"])
def test_a_network_made_to_fit_and_a_variant_of_a_learner(run, tmp_path, image_folder, name):
    arguments = ["--data", image_folder, *TINY, *SHORT, "--out", tmp_path, "--learner", name]
    assert run("train", *arguments)[0] == 0
    learner = RunFolder(tmp_path).read_learner()
    if name == "cavia":
        assert learner.model.get_layer("context").size == 16
    else:
        assert learner.distance == "cosine"


def test_options_that_other_learners_take(fails, tmp_path):
    message = fails("train", *WAVES, "--generates", "svm", "--out", tmp_path)
    assert "Received: --generates svm with --learner maml" in message
    message = fails("train", *WAVES, "--batch-norm", "per_step", "--out", tmp_path)
    assert "--batch-norm per_step is for --learner maml++. Received: " in message


def test_a_run_folder_that_cannot_be_made(fails, tmp_path):
    (tmp_path / "file").write_text("mine")
    message = fails("train", *WAVES, *SHORT, "--out", tmp_path / "file" / "run")
    assert "The run folder must be a folder that exists or can be made. Received: " in message


def test_arrays_of_a_file_with_splits_of_its_own_and_a_network_of_ones_own(run, tmp_path):
    split = np.repeat(["train"] * 8 + ["validation"] * 2 + ["test"] * 2, 3)
    data = write_npz(tmp_path / "data.npz", split=split)
    outputs = keras.layers.Dense(2, activation="softmax")
    layers = [keras.Input((8, 8)), keras.layers.Flatten(), outputs]
    keras.Sequential(layers).save(tmp_path / "own.keras")
    options = ["--data", data, "--network", tmp_path / "own.keras", "--out", tmp_path / "run"]
    assert run("train", *options, *TINY, *SHORT)[0] == 0
    learner = RunFolder(tmp_path / "run").read_learner()
    # The network gives probabilities, which must not be taken for logits.
    assert learner.loss.get_config()["from_logits"] is False
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["network"] == str(tmp_path / "own.keras")


def test_data_that_changed_are_noticed(fails, run, tmp_path):
    data = write_npz(tmp_path / "data.npz")
    options = ["train", "--data", data, "--out", tmp_path / "run", *TINY, *SHORT]
    assert run(*options)[0] == 0
    write_npz(data, classes=13)
    assert "not those that the run was trained on" in fails(*options)
    assert "their labels differ" in fails("evaluate", tmp_path / "run")


BAD_DATA = {
    "nothing": "nothing there",
    "notes.txt": "a file other than .npz",
    "damaged.npz": "cannot be read as .npz. Received: ",
    "truncated.npz": "cannot be read as .npz. Received: ",
    "lacking.npz": "with arrays ['images'], without 'x'. Name it with --x-key",
    "uneven.npz": "Each example needs one label",
    "split.npz": "`split` must name one of",
    "leak.npz": "A class must be in one split only",
    "few.npz": "The test part of the data cannot fill episodes of --ways 3",
    "one.npz": "too few classes",
    "no_classes": "There are no class folders in",
    "corrupt": "Cannot read",
}


@pytest.fixture(scope="module")
def bad_data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    (folder / "notes.txt").write_text("no data")
    (folder / "damaged.npz").write_text("no data")
    whole = write_npz(folder / "whole.npz").read_bytes()
    (folder / "truncated.npz").write_bytes(whole[: len(whole) // 2])
    np.savez(folder / "lacking.npz", images=np.zeros([2, 8, 8]))
    np.savez(folder / "uneven.npz", x=np.zeros([4, 8, 8]), y=np.arange(3))
    write_npz(folder / "split.npz", split=np.arange(36))
    write_npz(folder / "leak.npz", split=np.array(["train", "validation", "test"] * 12))
    split = np.repeat(["train"] * 6 + ["validation"] * 4 + ["test"] * 2, 3)
    write_npz(folder / "few.npz", split=split)
    write_npz(folder / "one.npz", classes=1)
    (folder / "no_classes").mkdir()
    (folder / "corrupt" / "a").mkdir(parents=True)
    (folder / "corrupt" / "a" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    return folder


@pytest.mark.parametrize("name", BAD_DATA)
def test_data_that_cannot_be_used(fails, bad_data, tmp_path, name):
    options = [*TINY, *SHORT]
    if name == "few.npz":
        options += ["--ways", 3]
    message = fails("train", "--data", bad_data / name, "--out", tmp_path / "run", *options)
    assert BAD_DATA[name] in message
    if name == "corrupt":
        assert "broken.png" in message
    assert not (tmp_path / "run").exists()


def test_tfds_names(fails, tmp_path):
    options = ["--out", tmp_path / "run", "--tfds-folder", tmp_path / "tfds", *TINY]
    message = fails("train", "--data", "tfds:no_such_thing", *options)
    assert "no data set of this name. Received: tfds:no_such_thing" in message


def test_tfds_without_the_extra(fails, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)  # importing it is an error
    message = fails("train", "--data", "tfds:mnist", "--out", tmp_path / "run", *TINY)
    assert "pip install keras-meta[datasets]" in message


def test_a_tfds_name_that_cannot_be_prepared(fails, tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    def offline(builder):
        raise ConnectionError("no network")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", offline)
    options = ["--out", tmp_path / "run", "--tfds-folder", tmp_path / "tfds", *TINY]
    message = fails("train", "--data", "tfds:omniglot", *options)
    assert "tfds:omniglot: ConnectionError: no network" in message
    assert "`tfds build omniglot`" in message


def test_a_tfds_data_set(run, tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    monkeypatch.setattr(tfds.core.DatasetBuilder, "is_prepared", lambda builder: True)
    with tfds.testing.mock_data(num_examples=60):
        options = ["--data", "tfds:mnist", "--out", tmp_path / "run", "--queries", 1]
        status, _, errors = run("train", *TINY, *SHORT, *options)
    assert status == 0, errors


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            "nothing.keras",
            "wide-resnet, sinusoid_mlp, text_embedding or a .keras file that can be loaded",
        ),
        ("sinusoid_mlp", "examples of shape (8, 8, 1) and need 2 outputs"),
    ],
)
def test_networks_that_cannot_be_used(fails, image_folder, tmp_path, network, message):
    options = ["--data", image_folder, "--network", network, "--out", tmp_path / "run"]
    assert message in fails("train", *options, *TINY, *SHORT)


def test_conv4_takes_images(fails, tmp_path):
    message = fails("train", *WAVES, "--network", "conv4", "--out", tmp_path)
    assert "Received: examples of shape (1,)" in message
