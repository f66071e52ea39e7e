"""CIFAR-FS and FC100."""

import pickle

import keras
import numpy as np
import pytest

from keras_meta import episodes
from keras_meta.episodes import datasets

CLASSES = datasets.CIFAR_100_CLASSES


@pytest.fixture(scope="module")
def images():
    """Two images of each class, all pixels of which say the class."""
    numbers = np.repeat(np.arange(100, dtype="uint8"), 2)
    return np.broadcast_to(numbers[:, None, None, None], (200, 32, 32, 3)).copy(), numbers


def check(x, y, classes, per_class=2):
    assert x.shape == (per_class * len(classes), 32, 32, 3) and x.dtype == np.uint8
    assert set(y.tolist()) == set(classes)
    np.testing.assert_array_equal(np.array(CLASSES)[x[:, 5, 6, 1]], y)


@pytest.mark.parametrize("load", [datasets.cifar_fs, datasets.fc100])
@pytest.mark.parametrize("named", [True, False])
def test_npz(tmp_path, images, load, named):
    x, numbers = images
    labels = np.array(CLASSES)[numbers] if named else numbers
    np.savez(tmp_path / "cifar.npz", images=x, labels=labels)
    splits = {datasets.cifar_fs: datasets.CIFAR_FS, datasets.fc100: datasets.FC100}[load]
    for split in splits:
        check(*load(tmp_path / "cifar.npz", split), splits[split])
    x, y = load(str(tmp_path / "cifar.npz"), "validation+test")
    check(x, y, [*splits["validation"], *splits["test"]])
    episodes.EpisodeSampler(x, y, num_ways=20, num_shots=1, num_queries=1)


def test_class_folders_within_train_and_test(tmp_path):
    for number, name in enumerate(CLASSES):
        if name not in datasets.FC100["validation"]:
            continue
        for part in ("train", "test"):
            (tmp_path / part / name).mkdir(parents=True)
            image = np.full((32, 32, 3), number)
            keras.utils.save_img(tmp_path / part / name / "1.png", image, scale=False)
    check(*datasets.fc100(tmp_path, "validation"), datasets.FC100["validation"])
    with pytest.raises(ValueError, match="FC100 needs .* 60 classes.*lacks 60 of them: apple"):
        datasets.fc100(tmp_path)


def test_the_pickles_of_the_authors(tmp_path, images):
    x, numbers = images
    rows = x.transpose(0, 3, 1, 2).reshape(200, -1)
    rows[:, :1024] = 255 - rows[:, :1024]  # red comes first
    for part, chosen in (("train", slice(0, None, 2)), ("test", slice(1, None, 2))):
        content = {"data": rows[chosen], "fine_labels": numbers[chosen].tolist()}
        (tmp_path / part).write_bytes(pickle.dumps(content, 2))
    (tmp_path / "meta").write_bytes(b"")
    x, y = datasets.cifar_fs(tmp_path, "test")
    np.testing.assert_array_equal(x[..., 0], 255 - x[..., 2])
    check(x, y, datasets.CIFAR_FS["test"])


def test_keras_downloads_only_when_asked(monkeypatch, images):
    x, numbers = images
    asked = []

    def load_data(label_mode):
        asked.append(label_mode)
        return (x[::2], numbers[::2, None]), (x[1::2], numbers[1::2, None])

    monkeypatch.setattr(keras.datasets.cifar100, "load_data", load_data)
    with pytest.raises(ValueError, match="CIFAR-FS are not here.*download=True.*path=None"):
        datasets.cifar_fs()
    with pytest.raises(ValueError, match="Received: path='/nowhere'"):
        datasets.cifar_fs("/nowhere", download=True)
    assert not asked
    check(*datasets.cifar_fs(split="test", download=True), datasets.CIFAR_FS["test"])
    assert asked == ["fine"]


def test_numbers_that_are_not_those_of_cifar(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 32, 32, 3), "uint8"), labels=[0, 100])
    with pytest.raises(ValueError, match="0 to 99. Received: .*labels from 0 to 100"):
        datasets.cifar_fs(tmp_path / "a.npz")
