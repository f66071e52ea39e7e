"""Ordinary batches of labelled examples."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta import episodes

X = np.arange(10, dtype="float32")[:, None]
Y = np.array(["b", "a", "c", "a", "b"] * 2)


def stream(batch_size=5, num_batches=4, **kwargs):
    sampler = episodes.ExampleSampler(X, Y, **{"seed": 1, **kwargs})
    batches = list(sampler.as_dataset(batch_size, num_batches))
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


def test_each_pass_has_every_example_once_with_its_label():
    x, y = stream()
    assert x.shape == (20, 1) and y.dtype == np.int32
    numbers = x[:, 0].astype(int)
    for part in (numbers[:10], numbers[10:]):
        assert sorted(part) == list(range(10)) != list(part)
    assert list(numbers[:10]) != list(numbers[10:])
    np.testing.assert_array_equal(np.array(["a", "b", "c"])[y], Y[numbers])


def test_the_stream_depends_on_the_seed_and_not_on_batches_or_devices():
    x, _ = stream()
    np.testing.assert_array_equal(x, stream(batch_size=4, num_batches=5)[0])
    assert not np.array_equal(x, stream(seed=2)[0])
    sampler = episodes.ExampleSampler(X, Y, seed=1)
    ((later, _),) = sampler.as_dataset(5, num_batches=1, start=3)
    np.testing.assert_array_equal(later, x[15:])
    context = tf.distribute.InputContext(2, 1, 2)
    ((half, _),) = sampler.as_dataset(10, num_batches=1, input_context=context)
    np.testing.assert_array_equal(half, x[5:10])


def test_every_order_occurs():
    sampler = episodes.ExampleSampler(X[:3], Y[:3], seed=-5)
    ((x, _),) = sampler.as_dataset(3 * 600, num_batches=1)
    orders, counts = np.unique(np.reshape(x, [-1, 3]), axis=0, return_counts=True)
    assert len(orders) == 6
    assert ((counts - 100) ** 2 / 100).sum() < 20.5  # 5 degrees of freedom, p = 0.001


def test_images_are_scaled_rotated_and_augmented():
    images = np.random.default_rng(0).integers(0, 256, (6, 5, 5, 1), "uint8")
    flip = episodes.augmentation.RandomFlip()
    sampler = episodes.ExampleSampler(images, list("aabbcc"), rotations=True, augment=[flip])
    x, y = sampler.sample(0, 24)
    assert sampler.num_classes == 12 and sorted(y.numpy()) == sorted(list(range(12)) * 2)
    plain, labels = episodes.ExampleSampler(images, list("aabbcc"), rotations=True).sample(0, 24)
    np.testing.assert_array_equal(labels, y)
    same = np.all(x == plain, axis=(1, 2, 3))
    np.testing.assert_array_equal(x[~same], plain[~same][:, :, ::-1])
    assert 4 < same.sum() < 20 and plain.numpy().max() <= 1.0


def test_unlike_numbers_of_examples():
    with pytest.raises(ValueError, match="the same number of examples"):
        episodes.ExampleSampler(X, Y[:-1])
