"""The residual network of twelve layers."""

import keras
import numpy as np
import pytest

from keras_meta import callbacks, episodes, learners
from keras_meta.episodes import augmentation
from keras_meta.layers import DropBlock, FeatureCentering
from keras_meta.networks import ResNet12, embedding
from tests.networks.test_conv4 import convolved

SMALL = {"input_shape": (16, 20, 3), "filters": (2, 3, 4, 5)}


def leaky(x):
    return np.where(x > 0, x, 0.1 * x)


def _number(convolution):
    return convolution.kernel_initializer.seed


def forward(model, x):
    """The blocks, from their definition, with the stored statistics of a new model."""
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    # By their seeds, that is in the order in which they are made.
    kernels = [layer.kernel.numpy() for layer in sorted(convolutions, key=_number)]
    scale = 1 / np.sqrt(1.0 + 1e-5)
    for block in range(4):
        *three, one = kernels[4 * block : 4 * block + 4]
        y = x
        for number, kernel in enumerate(three):
            y = scale * convolved(y, kernel, 1)
            y = leaky(y) if number < 2 else y
        x = leaky(y + scale * x @ one[0, 0])
        n, height, width, channels = x.shape
        x = x[:, : height // 2 * 2, : width // 2 * 2]
        x = x.reshape(n, height // 2, 2, width // 2, 2, channels).max((2, 4))
    return x


@pytest.mark.parametrize("flatten", [False, True])
def test_equals_its_definition(flatten):
    model = ResNet12(flatten=flatten, **SMALL)
    x = np.random.default_rng(0).normal(size=(2, 16, 20, 3)).astype("float32")
    maps = forward(model, x)
    expected = maps.reshape(2, -1) if flatten else maps.mean((1, 2))
    assert model.output_shape == (None, *expected.shape[1:])
    np.testing.assert_allclose(model(x), expected, rtol=1e-4, atol=1e-4)


def test_parameters_as_published():
    """12.42 million, those of the normalisation included."""
    model = ResNet12()
    sizes = [3, 64, 160, 320, 640]
    pairs = list(zip(sizes[:-1], sizes[1:], strict=True))
    kernels = sum(9 * old * new + 2 * 9 * new**2 + old * new for old, new in pairs)
    trainable = sum(np.prod(v.shape) for v in model.trainable_variables)
    assert trainable == kernels + 2 * 4 * sum(sizes[1:])
    assert trainable == 12_424_320
    assert model.output_shape == (None, 640)


def test_a_classifier_ends_in_a_linear_layer():
    model = ResNet12(7, **SMALL)
    assert model.output_shape == (None, 7)
    assert embedding(model).output_shape == (None, 5)


@pytest.mark.parametrize(("side", "size"), [(84, 5), (32, 2), (16, 1)])
def test_drop_block_follows_the_last_two_blocks(side, size):
    model = ResNet12(input_shape=(side, side, 3), filters=(2, 2, 2, 2))
    blocks = [layer for layer in model.layers if isinstance(layer, DropBlock)]
    assert [layer.block_size for layer in blocks] == [size, size]
    assert [layer.rate for layer in blocks] == [0.1, 0.1]
    assert sum(isinstance(layer, keras.layers.Dropout) for layer in model.layers) == 2
    plain = ResNet12(input_shape=(side, side, 3), filters=(2, 2, 2, 2), drop_rate=0.0)
    assert not any(isinstance(x, (DropBlock, keras.layers.Dropout)) for x in plain.layers)


def test_the_seed_determines_the_weights():
    first, again, other = (ResNet12(3, seed=seed, **SMALL).get_weights() for seed in (1, 1, 40))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    kernels = [w.ravel() for w in (*first, *other) if w.ndim == 4]
    values = np.concatenate(kernels)
    assert len(np.unique(values)) > 0.99 * len(values)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"filters": (1, 2, 3)}, r"four numbers. Received: filters=\(1, 2, 3\)"),
        ({"input_shape": (15, 20, 3)}, r"at least 16 by 16. Received: input_shape=\(15, 20, 3\)"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        ResNet12(**kwargs)


@pytest.mark.slow
def test_pretraining_with_augmentation_then_centred_cosine_prototypes():
    """Classes are told apart by colour, whatever the place of the pattern."""
    generator = np.random.default_rng(0)
    colours = generator.random((12, 1, 1, 1, 3))
    x = (255 * colours * generator.random((12, 10, 16, 16, 1))).astype("uint8")
    x, y = x.reshape(120, 16, 16, 3), np.repeat(np.arange(12), 10)
    base, novel = y < 8, y >= 8
    changes = [augmentation.RandomCrop(2), augmentation.RandomFlip()]
    examples = episodes.ExampleSampler(x[base], y[base], augment=changes)
    body = ResNet12(input_shape=(16, 16, 3), filters=(4, 4, 8, 8))
    classifier = learners.Baseline(body).pretraining_model(examples.num_classes)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(keras.optimizers.Adam(0.01), loss)
    schedule = callbacks.DropBlockSchedule(steps=100)
    logs = classifier.fit(
        examples.as_dataset(16),
        steps_per_epoch=20,
        epochs=2,
        shuffle=False,
        callbacks=[schedule],
        verbose=0,
    ).history["loss"]
    assert logs[1] < 0.9 * logs[0]
    rates = [float(x.current_rate) for x in body.layers if isinstance(x, DropBlock)]
    np.testing.assert_allclose(rates, 0.1 * 39 / 100, rtol=1e-6)

    centering = FeatureCentering()
    centering.adapt(body.predict(x[base] / np.float32(255), verbose=0))
    embedded = keras.Sequential([keras.Input((16, 16, 3)), body, centering])
    learner = learners.PrototypicalNetwork(embedded, distance="cosine", batch_norm="running")
    learner.compile("adam", loss, metrics=["accuracy"])
    tasks = episodes.EpisodeSampler(x[novel], y[novel], 4, 1, 5, augment=changes)
    before = learner.evaluate(tasks.as_dataset(10, num_batches=2), verbose=0)[1]
    assert before > 0.5  # of four ways
    learner.fit(tasks.as_dataset(2), steps_per_epoch=2, verbose=0, shuffle=False)
