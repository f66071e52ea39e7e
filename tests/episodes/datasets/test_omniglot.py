"""Omniglot."""

import keras
import numpy as np
import pytest

from keras_meta.episodes import datasets

CLASSES = datasets.OMNIGLOT["validation"]


def test_drawings_in_folders_become_white_ink(tmp_path):
    paper = np.full((20, 20, 1), 255)
    paper[5:15, 5:15] = 0
    for number, name in enumerate(CLASSES):
        part = ("images_background", "images_evaluation")[number % 2]
        (tmp_path / part / name).mkdir(parents=True)
        keras.utils.save_img(tmp_path / part / name / "0001_01.png", paper, scale=False)
    x, y = datasets.omniglot(tmp_path, "validation", image_size=20)
    assert x.shape == (172, 20, 20, 1) and set(y.tolist()) == set(CLASSES)
    np.testing.assert_array_equal(x, np.broadcast_to(255 - paper, x.shape))


def test_the_packed_file(data_folder):
    path = data_folder / "omniglot" / "omniglot28.npz"
    x, y = datasets.omniglot(path, "validation")
    with np.load(path) as file:
        rows = file["vinyals_split_by_character"][file["character_id"] - 1] == 1
        np.testing.assert_array_equal(x[..., 0], file["images"][rows])
    assert len(set(y.tolist())) == 172
    with pytest.raises(ValueError, match=r"keep their size. Received: image_size=\(20, 20\)"):
        datasets.omniglot(path, image_size=20)


def test_absent_or_other_data(tmp_path):
    with pytest.raises(ValueError, match="Omniglot are not here.*images_background"):
        datasets.omniglot(tmp_path / "nothing")
    np.savez(tmp_path / "other.npz", images=np.zeros((2, 28, 28)))
    with pytest.raises(ValueError, match=r"Received: \['images'\], without \['alphabet'"):
        datasets.omniglot(tmp_path / "other.npz")
