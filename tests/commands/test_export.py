import numpy as np
import tensorflow as tf

from keras_meta.commands.run_folder import RunFolder


def test_the_saved_model_predicts_the_same(run, image_run, tmp_path):
    status, output, _ = run("export", image_run, tmp_path / "model")
    assert status == 0 and "adapt_and_predict(" in output
    endpoint = tf.saved_model.load(tmp_path / "model").signatures["serving_default"]
    x = np.random.default_rng(0).uniform(size=[1, 2, 8, 8, 1]).astype("float32")
    inputs = {"support_x": x, "support_y": np.array([[0, 1]], "int32"), "query_x": x}
    found = endpoint(**{name: tf.constant(array) for name, array in inputs.items()})["predictions"]
    expected = RunFolder(image_run).read_learner()(inputs)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_folder_that_cannot_be_made(fails, image_run, tmp_path):
    (tmp_path / "file").write_text("mine")
    for folder, reason in {
        tmp_path / "file": "File exists",
        tmp_path / "file" / "below": "Not a directory",
        "/proc/nothing/below": "No such file or directory",
    }.items():
        message = fails("export", image_run, folder)
        assert (
            f"DIR must be a folder that exists or can be made. Received: {folder}: {reason}. "
            in message
        )
        assert message.count("\n") == 1
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_in_use_is_left_alone(fails, image_run, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert "DIR must be a new or empty folder" in fails("export", image_run, tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
