"""New heads on frozen features."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import baselines
from keras_meta.baselines.frozen_features import FrozenFeatures, logistic_regression


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
    """The derivative of its loss is zero there, for each penalty."""
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


def test_logistic_regression_sees_features_of_unit_length_and_a_constant():
    method = baselines.FrozenLogisticRegression(identity(), penalties=(0.1, 1.0), iterations=20)
    generator = np.random.default_rng(2)
    support, query = (generator.normal(size=(n, 2)).astype("float32") for n in (6, 4))
    one_hot = np.eye(3, dtype="float32")[[0, 0, 1, 1, 2, 2]]

    def prepared(x):
        unit = x / np.linalg.norm(x, axis=1, keepdims=True)
        return np.concatenate([unit, np.ones((len(x), 1), "float32")], axis=1)

    kernel = logistic_regression(tf.constant(prepared(support)), one_hot, (0.1, 1.0), 20)
    found = method.head_predictions(tf.constant(support), one_hot, tf.constant(query))
    np.testing.assert_allclose(found, prepared(query) @ kernel.numpy(), atol=1e-6)
    scaled = method.head_predictions(tf.constant(7 * support), one_hot, tf.constant(9 * query))
    np.testing.assert_allclose(scaled, found, atol=1e-5)


class Features(FrozenFeatures):
    """Predicts the features themselves, for tests of what a head gets."""

    def head_predictions(self, support, one_hot, query):
        return support, one_hot, query


@pytest.mark.parametrize("stored", [True, False])
def test_features_are_normalised_by_the_chosen_statistics(stored):
    body = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization(epsilon=1e-3)])
    body.layers[0].moving_mean.assign([30.0, -30.0])
    body.layers[0].moving_variance.assign([4.0, 9.0])
    generator = np.random.default_rng(0)
    support, query = (generator.normal(5.0, size=(n, 2)).astype("float32") for n in (6, 5))
    inputs = {"support_x": support, "support_y": tf.constant([0, 1, 2, 0, 1, 2]), "query_x": query}
    found = Features(body, stored_statistics=stored).predictions(inputs, None)

    def normalised(x):
        mean, variance = ([30.0, -30.0], [4.0, 9.0]) if stored else (x.mean(0), x.var(0))
        return (x - mean) / np.sqrt(np.asarray(variance) + 1e-3)

    for a, b in zip(
        found, (normalised(support), np.eye(3)[[0, 1, 2] * 2], normalised(query)), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_settings_name_the_statistics_that_were_stored():
    regression = baselines.FrozenLogisticRegression(identity(), penalties=(0.1, 1e-3))
    assert regression.settings == [
        "penalty 0.1, stored statistics",
        "penalty 0.001, stored statistics",
    ]
    nearest = baselines.NearestCentroid(identity(), stored_statistics=False)
    assert nearest.settings == ["squared distance", "cosine"]
