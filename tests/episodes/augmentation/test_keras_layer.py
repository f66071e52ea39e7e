"""Preprocessing layers of Keras as functions of a seed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.episodes.augmentation.keras_layer import KerasLayer

SHAPE = (8, 8, 3)


def draw(shape):
    return tf.random.stateless_uniform((3, *shape), [1, 2])


def images(examples=4):
    return tf.random.stateless_uniform((3, examples, *SHAPE), [3, 4])


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.RandomFlip(),
        keras.layers.RandomTranslation(0.2, 0.2),
        keras.layers.RandomContrast(0.5, value_range=(0, 1)),
        keras.layers.GaussianNoise(0.1),
        keras.Sequential([keras.layers.RandomFlip(), keras.layers.GaussianNoise(0.3)]),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_each_task_has_a_seed_of_its_own(layer):
    change = KerasLayer(layer, SHAPE)
    state = [v.numpy() for v in layer.variables]
    changed = change(images(), draw)
    np.testing.assert_array_equal(changed, change(images(), draw))
    alone = change(images()[1:2], lambda shape: draw(shape)[1:2])
    np.testing.assert_array_equal(changed[1:2], alone)
    same = tf.broadcast_to(images()[:1], images().shape)
    assert len(np.unique(np.reshape(change(same, draw), [3, -1]), axis=0)) == 3
    for before, variable in zip(state, layer.variables, strict=True):
        np.testing.assert_array_equal(before, variable)


def test_the_size_may_change():
    change = KerasLayer(keras.layers.RandomCrop(5, 6), SHAPE)
    assert change(images(), draw).shape == (3, 4, 5, 6, 3)


class NumPyNoise(keras.layers.Layer):
    def call(self, inputs, training=False):
        return inputs + np.random.normal()


class GlobalNoise(keras.layers.Layer):
    def call(self, inputs, training=False):
        return inputs + tf.random.normal(tf.shape(inputs))


class Mixing(keras.layers.Layer):
    def call(self, inputs, training=False):
        return (inputs + inputs[::-1]) / 2.0


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (NumPyNoise(), "SeedGenerator.*NumPyNoise, which gives different images"),
        (GlobalNoise(), "SeedGenerator.*GlobalNoise, which gives different images"),
        (Mixing(), "labels stay as they are.*Mixing, which mixes images"),
        (keras.layers.RandomBrightness(0.1), r"pass value_range=\(0, 1\).*=\(0, 255\)"),
        (keras.Sequential([keras.layers.RandomContrast(0.1)]), "RandomContrast with value_range"),
        (keras.layers.MixUp(), "MixUp, which mixes images"),
        (keras.layers.Conv2D(3, 3), r"no weights.*Conv2D with \['conv2d"),
        (keras.layers.Reshape((7,)), r"cannot be applied to images of shape \(8, 8, 3\)"),
    ],
    ids=["numpy", "global", "mixing", "range", "inner range", "mixup", "weights", "shape"],
)
def test_layers_that_cannot_be_made_stateless(layer, message):
    with pytest.raises(ValueError, match=message):
        KerasLayer(layer, SHAPE)
