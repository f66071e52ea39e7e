import numpy as np
import tensorflow as tf

from keras_meta.generators import TaskEncoder

GENERATOR = np.random.default_rng(0)
FEATURES = GENERATOR.normal(size=(6, 4)).astype("float32")
LABELS = np.array([0, 0, 0, 1, 1, 2])


def encoder():
    layer = TaskEncoder(5)
    layer.prepare(4)
    return layer


def describe(layer, features, targets, are_classes):
    return layer(tf.constant(features), tf.constant(targets), are_classes=are_classes)


def assert_close(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-6)


def test_the_order_of_examples_does_not_matter():
    layer, order = encoder(), np.array([4, 2, 0, 5, 3, 1])
    values = GENERATOR.normal(size=(6, 2)).astype("float32")
    for targets, are_classes in ((tf.one_hot(LABELS, 3), True), (values, False)):
        targets = np.asarray(targets)
        task_embedding = describe(layer, FEATURES, targets, are_classes)
        assert task_embedding.task.shape == (5,)
        assert task_embedding.outputs.shape == (targets.shape[1], 5)
        shuffled = describe(layer, FEATURES[order], targets[order], are_classes)
        assert_close(task_embedding, shuffled)


def test_the_description_depends_on_features_and_on_targets():
    layer, targets = encoder(), GENERATOR.normal(size=(6, 1)).astype("float32")
    task_embedding = describe(layer, FEATURES, targets, False)
    for other in (
        describe(layer, FEATURES[::-1].copy(), targets, False),
        describe(layer, FEATURES, targets + 1.0, False),
    ):
        assert np.abs(other.task - task_embedding.task).max() > 1e-3


def test_numbers_of_examples_and_imbalance_do_not_change_the_scale():
    layer = encoder()
    once = describe(layer, FEATURES, np.eye(3, dtype="float32")[LABELS], True)
    # The examples of class 0 three times over.
    rows = np.array([0, 1, 2] * 3 + [3, 4, 5])
    again = describe(layer, FEATURES[rows], np.eye(3, dtype="float32")[LABELS[rows]], True)
    assert_close(once, again)


def test_other_numbers_of_classes_and_classes_without_examples():
    layer = encoder()
    three = describe(layer, FEATURES, np.eye(3, dtype="float32")[LABELS], True)
    five = describe(layer, FEATURES, np.eye(5, dtype="float32")[LABELS], True)
    np.testing.assert_array_equal(five.present, [True, True, True, False, False])
    np.testing.assert_allclose(five.outputs[:3], three.outputs, atol=1e-6)
    np.testing.assert_allclose(five.task, three.task, atol=1e-6)


def test_a_class_is_described_by_the_mean_of_its_encoded_examples():
    layer = encoder()
    task_embedding = describe(layer, FEATURES, np.eye(3, dtype="float32")[LABELS], True)
    inputs = np.concatenate([FEATURES, np.ones((6, 1), "float32")], 1)
    encoded = np.asarray(layer.encoder(inputs))
    for k in range(3):
        np.testing.assert_allclose(
            task_embedding.outputs[k], encoded[LABELS == k].mean(0), atol=1e-6
        )
