"""Arrays from TensorFlow Datasets."""

import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds

from keras_meta import episodes


class EpisodeShapes(tfds.core.GeneratorBasedBuilder):
    """Squares of three sizes, class k of brightness 40 k."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(None, None, 3)),
                    "label": tfds.features.ClassLabel(num_classes=4),
                    "group": tfds.features.Text(),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for number in range(12):
            label, side = number % 4, 8 + number % 3
            image = np.full([side, side, 3], 40 * label, "uint8")
            yield number, {"image": image, "label": label, "group": "even odd".split()[label % 2]}


class EpisodeTable(tfds.core.GeneratorBasedBuilder):
    """A data set that declares no supervised features."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = tfds.features.FeaturesDict({"a": np.int64, "b": np.int64})
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        yield 0, {"a": 1, "b": 2}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    for builder in (EpisodeShapes, EpisodeTable):
        builder(data_dir=folder).download_and_prepare()
    return folder


def test_a_prepared_data_set_by_name(data_dir):
    x, y = episodes.from_tfds("episode_shapes", "train", image_size=8, data_dir=data_dir)
    assert x.shape == (12, 8, 8, 3) and x.dtype == np.uint8
    np.testing.assert_array_equal(np.bincount(y), [3, 3, 3, 3])
    np.testing.assert_array_equal(x[:, 3, 3, 0], 40 * y)
    sampler = episodes.EpisodeSampler(x, y, num_ways=4, num_shots=1, num_queries=2)
    inputs, query_y = sampler.sample(0, 2)
    brightness = inputs["query_x"].numpy()[:, :, 0, 0, 0].reshape(2, 4, 2)
    np.testing.assert_array_equal(brightness[..., 0], brightness[..., 1])
    assert query_y.shape == (2, 8)


def test_a_builder_a_slice_a_colour_and_another_label(data_dir):
    builder = tfds.builder("episode_shapes", data_dir=data_dir)
    x, y = episodes.from_tfds(
        builder, "train[:50%]", image_size=(6, 7), color_mode="grayscale", label="group"
    )
    assert x.shape == (6, 6, 7, 1)
    assert set(y) == {b"even", b"odd"}
    np.testing.assert_array_equal(np.isin(x[:, 3, 3, 0] // 39, [1, 3]), y == b"odd")


def test_the_omniglot_builder():
    with tfds.testing.mock_data(num_examples=10):
        x, y = episodes.from_tfds("omniglot", "train", image_size=28, color_mode="grayscale")
        _, alphabets = episodes.from_tfds("omniglot", "train", image_size=28, label="alphabet")
    assert x.shape == (10, 28, 28, 1) and x.dtype == np.uint8
    assert y.shape == alphabets.shape == (10,)
    assert y.min() >= 0 and alphabets.max() < 50


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "episode_shapes",
            {},
            r"'episode_shapes' do not all have the same shape. Received: feature 'image' of shape "
            r"\(None, None, 3\). Pass `image_size`",
        ),
        ("episode_shapes", {"label": "kind"}, r"label='kind', features \['group', 'image', 'lab"),
        ("episode_shapes", {"color_mode": "gray"}, "Received: color_mode='gray'"),
        ("episode_table", {}, r"supervised_keys=None, features \['a', 'b'\]. Load it with"),
    ],
)
def test_wrong_arguments(data_dir, name, arguments, message):
    with pytest.raises(ValueError, match=message):
        episodes.from_tfds(name, data_dir=data_dir, **arguments)


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)  # importing it is an error
    with pytest.raises(ImportError, match=r"pip install keras-meta\[datasets\]"):
        episodes.from_tfds("mnist")
