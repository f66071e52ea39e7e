"""Fresh heads on frozen features."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import baselines
from keras_meta.baselines.frozen_features import logistic_regression


def blobs(tasks=6, ways=3, shots=4, distance=4.0):
    """Classes around centres of their own; other tasks have other centres."""
    generator = np.random.default_rng(0)
    labels = np.tile(np.repeat(np.arange(ways), shots), (tasks, 1)).astype("int32")
    centres = distance * generator.normal(size=(tasks, ways, 2))

    def draw():
        centre = np.take_along_axis(centres, labels[..., None], 1)
        return tf.constant(centre + generator.normal(size=centre.shape), "float32")

    inputs = {"support_x": draw(), "support_y": tf.constant(labels), "query_x": draw()}
    return tf.data.Dataset.from_tensors((inputs, tf.constant(labels)))


def identity():
    return keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(2, kernel_initializer="identity")]
    )


def test_nearest_centroid_is_the_nearest_centroid():
    data = blobs()
    ((inputs, y),) = data
    values = baselines.NearestCentroid(identity()).task_values(data, "accuracy")
    for task in range(6):
        support, query = inputs["support_x"][task].numpy(), inputs["query_x"][task].numpy()
        unit = [x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (support, query)]
        for column, (s, q) in enumerate(((support, query), unit)):
            means = s.reshape(3, 4, 2).mean(1)
            if column:
                score = q @ (means / np.linalg.norm(means, axis=-1, keepdims=True)).T
            else:
                score = -np.linalg.norm(q[:, None] - means, axis=-1)
            expected = (score.argmax(-1) == y[task].numpy()).mean()
            assert values[task, column] == pytest.approx(expected)
    assert values[:, 0].mean() > 0.8


def test_logistic_regression_ends_at_the_minimum(float64):
    """Where the derivative of its loss is zero, for each penalty."""
    generator = np.random.default_rng(1)
    features = tf.math.l2_normalize(tf.constant(generator.normal(size=(9, 5))), -1)
    one_hot = tf.one_hot(np.arange(9) % 3, 3, dtype=tf.float64)
    penalties = (0.01, 1.0)
    kernel = logistic_regression(features, one_hot, penalties, 1000)
    for number, penalty in enumerate(penalties):
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            losses = tf.nn.softmax_cross_entropy_with_logits(one_hot, features @ kernel[number])
            loss = tf.reduce_mean(losses) + 0.5 * penalty * tf.reduce_sum(kernel[number] ** 2)
        assert np.abs(tape.gradient(loss, kernel)).max() < 1e-10
    assert np.abs(kernel[0]).max() > np.abs(kernel[1]).max()


def test_statistics_of_normalisation_are_a_choice():
    layers = keras.layers
    features = keras.Sequential(
        [keras.Input((2,)), layers.BatchNormalization(), layers.Activation("tanh")]
    )
    features.layers[0].moving_mean.assign([30.0, -30.0])
    stored, batch = (
        baselines.FrozenLogisticRegression(features, stored_statistics=s, penalties=(0.1,))
        for s in (True, False)
    )
    values = [x.task_values(blobs(distance=1.0), "accuracy").mean() for x in (stored, batch)]
    assert values[0] < values[1]
    assert stored.settings == ["penalty 0.1, stored statistics"]
    assert batch.settings == ["penalty 0.1"]
