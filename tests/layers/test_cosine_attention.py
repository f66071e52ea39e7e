"""Attention over the examples of a support set."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.layers import CosineAttention

GENERATOR = np.random.default_rng(0)
QUERIES, EXAMPLES = (GENERATOR.normal(size=(n, 3)).astype("float32") for n in (4, 6))
CLASSES = np.array([0, 0, 1, 2, 2, 2])
LABELS = np.eye(3, dtype="float32")[CLASSES]


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def attended(queries, scale):
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (queries, EXAMPLES)]
    return np.log(softmax(scale * unit[0] @ unit[1].T) @ LABELS)


@pytest.mark.parametrize("scale", [None, 3.0])
def test_probabilities_of_a_class_are_the_attention_to_its_examples(scale):
    layer = CosineAttention()
    layer.build([QUERIES.shape, EXAMPLES.shape, LABELS.shape])
    if scale is not None:
        layer.scale.assign(scale)
    found = layer([QUERIES, EXAMPLES, LABELS])
    np.testing.assert_allclose(found, attended(QUERIES, scale or 10.0), atol=1e-4)
    np.testing.assert_allclose(np.exp(found).sum(-1), 1.0, atol=1e-5)


def test_queries_read_the_examples_first():
    """Two steps of the LSTM, written out with the weights of the cell."""
    layer = CosineAttention(processing_steps=2)
    found = layer([QUERIES, EXAMPLES, LABELS])
    kernel, recurrent, bias = layer.cell.get_weights()
    h = c = np.zeros_like(QUERIES)
    for _ in range(2):
        read = softmax(h @ EXAMPLES.T) @ EXAMPLES
        z = np.concatenate([QUERIES, read], 1) @ kernel + h @ recurrent + bias
        i, f, g, o = np.split(z, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c) + QUERIES
    np.testing.assert_allclose(found, attended(h, 10.0), atol=1e-4)


def test_a_class_without_examples_has_a_finite_score_far_below_the_others():
    labels = np.eye(4, dtype="float32")[CLASSES]
    layer = CosineAttention()
    queries = tf.constant(QUERIES)
    with tf.GradientTape() as tape:
        tape.watch(queries)
        scores = layer([queries, EXAMPLES, labels])
    assert np.asarray(scores)[:, 3].max() < -9e3 < -100 < np.asarray(scores)[:, :3].min()
    assert np.isfinite(tape.gradient(scores, queries)).all()


def test_shape_weights_and_configuration():
    shapes = [(None, 3), (6, 3), (6, 5)]
    for steps, weights in ((0, 1), (2, 4)):
        layer = CosineAttention(steps, name="mine")
        layer.build(shapes)
        assert layer.compute_output_shape(shapes) == (None, 5)
        assert len(layer.trainable_variables) == weights
        copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
        assert copy.get_config() == layer.get_config() and copy.processing_steps == steps
