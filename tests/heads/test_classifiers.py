"""What the baselines fit to the examples of a task."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta.heads.classifiers import Cosines, InnerProducts

FEATURES = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
ONE_HOT = np.eye(2, dtype="float32")[[0, 1, 1, 0]]


@pytest.mark.parametrize("classifier", [InnerProducts(), Cosines()])
def test_the_weights_before_the_first_step_have_the_stated_shapes(classifier):
    initial = classifier.initial(tf.constant(FEATURES), tf.constant(ONE_HOT))
    assert [tuple(w.shape) for w in initial] == classifier.shapes(3, 2)


def test_inner_products_add_the_bias_of_absent_classes():
    kernel, bias = tf.ones((3, 2)), tf.constant([1.0, 2.0])
    head = InnerProducts().head([kernel, bias], tf.constant([0.0, -9.0]))
    assert head[0] is kernel
    np.testing.assert_array_equal(head[1], [1.0, -7.0])


def test_cosines_start_from_the_means_of_unit_length_features():
    (means,) = Cosines().initial(tf.constant(FEATURES), tf.constant(ONE_HOT))
    unit = FEATURES / np.linalg.norm(FEATURES, axis=1, keepdims=True)
    np.testing.assert_allclose(means[:, 0], (unit[0] + unit[3]) / 2, rtol=1e-5)


def test_scores_of_the_pretraining_layer_are_cosines():
    layer = Cosines(scale=3.0).pretraining_layer(3, 5, "float32")
    (kernel,) = layer.weights
    kernel.assign(kernel / tf.norm(kernel, axis=0))
    unit = FEATURES / np.linalg.norm(FEATURES, axis=1, keepdims=True)
    np.testing.assert_allclose(layer(FEATURES), 3.0 * unit @ kernel.numpy(), rtol=1e-4, atol=1e-5)
