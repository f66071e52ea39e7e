"""The embedding of a support set."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.generators import TaskEncoder
from tests.generators import task_embeddings

GENERATOR = np.random.default_rng(0)
FEATURES = GENERATOR.normal(size=(6, 4)).astype("float32")
VALUES = GENERATOR.normal(size=(6, 2)).astype("float32")
LABELS = np.array([0, 0, 0, 1, 1, 2])


def one_hot(labels, num_ways=3):
    return np.eye(num_ways, dtype="float32")[labels]


@pytest.fixture(scope="module")
def encoder():
    layer = TaskEncoder(5)
    layer.prepare(4)
    return task_embeddings.randomised(layer)


def embed(layer, features, targets, are_classes):
    return layer(tf.constant(features), tf.constant(targets), are_classes=are_classes)


def encoded(layer, features, values):
    """`e([f_i, y_i])` in NumPy."""
    inputs = np.concatenate([features, values[:, None]], axis=1)
    return task_embeddings.skip_network(layer.encoder, inputs)


def assert_close(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-5)


def test_values_are_embedded_by_the_mean_over_all_examples(encoder):
    outputs = np.stack([encoded(encoder, FEATURES, VALUES[:, o]).mean(0) for o in range(2)])
    expected = outputs.mean(0), outputs, [True, True]
    assert_close(embed(encoder, FEATURES, VALUES, False), expected)


def test_a_class_is_embedded_by_the_mean_over_its_examples(encoder):
    each = encoded(encoder, FEATURES, np.ones(6, "float32"))
    outputs = np.stack([each[LABELS == k].mean(0) for k in range(3)])
    expected = outputs.mean(0), outputs, [True, True, True]
    assert_close(embed(encoder, FEATURES, one_hot(LABELS), True), expected)


def test_classes_without_examples_do_not_count(encoder):
    three = embed(encoder, FEATURES, one_hot(LABELS), True)
    five = embed(encoder, FEATURES, one_hot(LABELS, 5), True)
    np.testing.assert_array_equal(five.present, [True, True, True, False, False])
    np.testing.assert_array_equal(five.outputs[3:], np.zeros((2, 5)))
    assert_close((five.task, five.outputs[:3]), (three.task, three.outputs))


def test_the_order_of_examples_does_not_matter(encoder):
    order = np.array([4, 2, 0, 5, 3, 1])
    for targets, are_classes in ((one_hot(LABELS), True), (VALUES, False)):
        expected = embed(encoder, FEATURES, targets, are_classes)
        assert_close(embed(encoder, FEATURES[order], targets[order], are_classes), expected)


def test_more_examples_of_a_class_do_not_change_the_scale(encoder):
    rows = np.array([0, 1, 2] * 3 + [3, 4, 5])  # the examples of class 0 three times
    again = embed(encoder, FEATURES[rows], one_hot(LABELS[rows]), True)
    assert_close(again, embed(encoder, FEATURES, one_hot(LABELS), True))


def test_configuration():
    layer = TaskEncoder(7, name="mine")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert copy.size == 7 and copy.name == "mine"
