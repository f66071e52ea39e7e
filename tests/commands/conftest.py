"""Small data and small runs for the commands to work on."""

import keras
import numpy as np
import pytest

from keras_meta import cli


@pytest.fixture
def run(capsys):
    """Runs a command; returns its exit status, output and errors."""

    def run(*arguments):
        capsys.readouterr()
        status = cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def fails(run):
    """Runs a command that must fail; returns the message."""

    def fails(*arguments):
        status, _, errors = run(*arguments)
        assert status == 2
        assert errors.startswith("keras-meta: error: ") and "Traceback" not in errors
        return errors

    return fails


def write_images(folder, classes, examples, side=8):
    """Writes PNG files: class k is a bright square in place k."""
    random = np.random.default_rng(0)
    for number in range(classes):
        (folder / f"class{number}").mkdir(parents=True)
        for example in range(examples):
            image = random.integers(0, 60, [side, side, 1])
            image[2 * (number % 4) :, 2 * (number // 4) :] += 150
            file = folder / f"class{number}" / f"{example}.png"
            keras.utils.save_img(file, image, scale=False)


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory):
    """A folder of 12 class folders of 4 images, which give 8, 2 and 2 classes to the splits."""
    folder = tmp_path_factory.mktemp("images")
    write_images(folder, classes=12, examples=4)
    return folder


TINY = "--ways 2 --shots 1 --queries 2 --filters 2 --batch-size 2 --image-size 8".split()
SHORT = "--epoch-iterations 2 --validation-tasks 2 --iterations 2".split()


@pytest.fixture(scope="session")
def image_run(tmp_path_factory, image_folder):
    """A run of two iterations on the folder of images."""
    folder = tmp_path_factory.mktemp("runs") / "images"
    arguments = ["train", "--data", str(image_folder), "--out", str(folder), *TINY, *SHORT]
    assert cli.main(arguments) == 0
    return folder


@pytest.fixture(scope="session")
def open_run(tmp_path_factory, image_folder):
    """A run of a learner with open ways, whose validation and test have too few classes."""
    folder = tmp_path_factory.mktemp("runs") / "open"
    options = [*TINY, *SHORT, "--ways", "5", "--learner", "ridge", "--network", "conv4-max"]
    options += ["--image-size", "16", "--augment"]
    assert cli.main(["train", "--data", str(image_folder), "--out", str(folder), *options]) == 0
    return folder


POLICY = "--units 4 --episodes 4 --horizon 5 --batch-size 2 --validation-tasks 2".split()
POLICY += "--eval-inner-steps 2 --epoch-iterations 5 --iterations 10".split()


@pytest.fixture(scope="session")
def policy_run(tmp_path_factory):
    """A run of ten iterations on navigation."""
    folder = tmp_path_factory.mktemp("runs") / "navigation"
    assert cli.main(["train", "navigation", "--out", str(folder), *POLICY]) == 0
    return folder
