"""mini-ImageNet and tiered-ImageNet."""

import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import episodes
from keras_meta.episodes import datasets

MINI, TIERED = datasets.MINI_IMAGENET, datasets.TIERED_IMAGENET


def numbered(count, size=8):
    numbers = np.arange(count, dtype="uint8")
    return np.broadcast_to(numbers[:, None, None, None], (count, size, size, 3)).copy()


@pytest.mark.parametrize(
    "place",
    ["val/{}/1.png", "images/{}00000005.png", "{}/{}_7.png"],
    ids="folder file both".split(),
)
def test_images_say_their_class(tmp_path, place):
    classes = MINI["validation"]
    for number, name in enumerate(classes):
        file = tmp_path / place.format(name, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        keras.utils.save_img(file, np.full((8, 8, 3), number), scale=False)
    x, y = datasets.mini_imagenet(tmp_path, "validation", image_size=(6, 4))
    assert x.shape == (16, 6, 4, 3)
    np.testing.assert_array_equal(np.array(classes)[x[:, 0, 0, 0]], y)
    files, labels = datasets.mini_imagenet(tmp_path, "validation", in_memory=False)
    np.testing.assert_array_equal(labels, y)
    np.testing.assert_array_equal(episodes.read_images(8, "rgb")(files) * 255, numbered(16))


def test_missing_classes(tmp_path):
    (tmp_path / "n00000001").mkdir()
    keras.utils.save_img(tmp_path / "n00000001" / "1.png", np.zeros((8, 8, 3)), scale=False)
    with pytest.raises(
        ValueError, match="mini-ImageNet needs .* which lacks 20 of them: n01930112"
    ):
        datasets.mini_imagenet(tmp_path, "test")
    with pytest.raises(ValueError, match="mini-ImageNet are not here, and nothing is downloaded"):
        datasets.mini_imagenet(tmp_path / "nothing")


def test_npz(tmp_path):
    x = numbered(97)
    np.savez(tmp_path / "tiered.npz", images=x, labels=TIERED["validation"])
    read, y = datasets.tiered_imagenet(tmp_path / "tiered.npz", "validation", image_size=8)
    np.testing.assert_array_equal(read, x)
    np.testing.assert_array_equal(y, TIERED["validation"])
    with pytest.raises(ValueError, match="can stay on disk. Use in_memory=True"):
        datasets.tiered_imagenet(tmp_path / "tiered.npz", "validation", in_memory=False)


def write(path, content):
    path.write_bytes(pickle.dumps(content, 2))


def test_cached_pickles_of_mini_imagenet(tmp_path):
    x = numbered(16)
    # The rows of a class need not follow the order of names.
    rows = {name: [15 - number] for number, name in enumerate(MINI["validation"])}
    write(tmp_path / "mini-imagenet-cache-val.pkl", {"image_data": x, "class_dict": rows})
    read, y = datasets.mini_imagenet(tmp_path, "validation", image_size=8)
    np.testing.assert_array_equal(y, MINI["validation"])
    np.testing.assert_array_equal(read, x[::-1])
    with pytest.raises(ValueError, match="test split .* has 20 classes.*archive, which is missing"):
        datasets.mini_imagenet(tmp_path, "validation+test")


def test_pickles_of_numbered_classes(tmp_path):
    for part, count in (("train_phase_train", 64), ("val", 16)):
        content = {"data": numbered(count), "labels": list(range(count))}
        write(tmp_path / f"miniImageNet_category_split_{part}.pickle", content)
    x, y = datasets.mini_imagenet(tmp_path, "train+validation", image_size=8)
    assert len(x) == len(set(y.tolist())) == 80  # class 0 of both splits is not one class
    write(tmp_path / "miniImageNet_category_split_test.pickle", content)
    with pytest.raises(ValueError, match="test split of mini-ImageNet has 20 classes.*16 classes"):
        datasets.mini_imagenet(tmp_path, "test")


@pytest.mark.parametrize("encoded", [True, False])
def test_archives_of_tiered_imagenet(tmp_path, encoded):
    x = numbered(97)
    if encoded:
        png = [np.frombuffer(tf.io.encode_png(image).numpy(), "uint8")[:, None] for image in x]
        write(tmp_path / "val_images_png.pkl", png)
    else:
        np.savez(tmp_path / "val_images.npz", images=x)
    names = [f"name {number}" for number in range(97)]
    labels = {"label_specific": np.arange(97), "label_specific_str": names}
    write(tmp_path / "val_labels.pkl", labels)
    read, y = datasets.tiered_imagenet(tmp_path, "validation", image_size=8)
    np.testing.assert_array_equal(read, x)
    assert y.tolist() == names
