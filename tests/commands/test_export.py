import numpy as np
import pytest
import tensorflow as tf

from keras_meta.commands.run_folder import RunFolder
from tests.commands.conftest import SHORT, TINY
from tests.quick import quick_first


def test_the_saved_model_predicts_the_same(run, image_run, tmp_path):
    status, output, _ = run("export", image_run, tmp_path / "model")
    assert status == 0 and "adapt_and_predict(" in output
    endpoint = tf.saved_model.load(tmp_path / "model").signatures["serving_default"]
    x = np.random.default_rng(0).uniform(size=[1, 2, 8, 8, 1]).astype("float32")
    inputs = {"support_x": x, "support_y": np.array([[0, 1]], "int32"), "query_x": x}
    found = endpoint(**{name: tf.constant(array) for name, array in inputs.items()})["predictions"]
    expected = RunFolder(image_run).read_learner()(inputs)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("learner", quick_first(["maml", "prototypes"], ["prototypes"]))
def test_a_file_for_phones_predicts_the_same(run, image_folder, tmp_path, learner):
    options = ["--data", image_folder, *TINY, *SHORT, "--batch-norm", "support"]
    assert run("train", *options, "--learner", learner, "--out", tmp_path / "run")[0] == 0
    status, output, errors = run("export", tmp_path / "run", tmp_path / "learner.tflite")
    assert status == 0 and "adapt(" in output, errors
    interpreter = tf.lite.Interpreter(str(tmp_path / "learner.tflite"))
    # Of 2 ways, 1 shot and 2 queries.
    x = np.random.default_rng(0).uniform(size=[4, 8, 8, 1]).astype("float32")
    y = np.array([0, 1], "int32")
    state = interpreter.get_signature_runner("adapt")(support_x=x[:2], support_y=y)
    found = interpreter.get_signature_runner("predict")(**state, query_x=x)["predictions"]
    inputs = {"support_x": x[None, :2], "support_y": y[None], "query_x": x[None]}
    expected = RunFolder(tmp_path / "run").read_learner()(inputs)[0]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_file_for_phones_that_cannot_be_written(fails, open_run, policy_run, tmp_path):
    message = fails("export", open_run, tmp_path / "missing" / "learner.tflite")
    assert "OUT must be a new .tflite file in a folder that exists" in message
    assert "operations that LiteRT lacks" in fails("export", open_run, tmp_path / "ridge.tflite")
    message = fails("export", policy_run, tmp_path / "policy.tflite")
    assert "A policy is exported as a SavedModel" in message
    assert not any(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made(fails, image_run, tmp_path):
    (tmp_path / "file").write_text("mine")
    for folder, reason in {
        tmp_path / "file": "File exists",
        tmp_path / "file" / "below": "Not a directory",
        "/proc/nothing/below": "No such file or directory",
    }.items():
        message = fails("export", image_run, folder)
        assert (
            f"OUT must be a folder that exists or can be made. Received: {folder}: {reason}. "
            in message
        )
        assert message.count("\n") == 1
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_in_use_is_left_alone(fails, image_run, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert "OUT must be a new or empty folder" in fails("export", image_run, tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
