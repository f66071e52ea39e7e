"""The network of tables: inductive, the same for any order of rows, saved with its weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.networks.table_transformer import TableTransformer, bucket_borders


@pytest.fixture(scope="module")
def network():
    return TableTransformer(width=8, num_blocks=2, num_heads=2, num_buckets=20)


def table(rows=12, columns=3, tasks=2):
    random = np.random.default_rng(0)
    x = random.normal(size=(tasks, rows, columns)).astype("float32")
    x[0, 1, 1] = np.nan
    return x, random.integers(0, 3, (tasks, rows)).astype("int32"), np.zeros((tasks, columns), "f")


def test_each_query_is_predicted_on_its_own(network):
    x, y, kinds = table()
    state = network.read(x, y, kinds)
    queries = table(7)[0]
    together = network.predict_rows(state, queries).numpy()
    for row in range(7):
        alone = network.predict_rows(state, queries[:, row : row + 1])
        np.testing.assert_allclose(alone[:, 0], together[:, row], atol=1e-5)


def test_the_order_of_support_rows_does_not_matter(network):
    x, y, kinds = table()
    order = np.random.default_rng(1).permutation(12)
    expected = network.predict_rows(network.read(x, y, kinds), x)
    found = network.predict_rows(network.read(x[:, order], y[:, order], kinds), x)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_units_of_columns_do_not_matter(network):
    x, y, kinds = table()
    expected = network.predict_rows(network.read(x, y, kinds), x)
    scaled = 100.0 * x + 7.0
    found = network.predict_rows(network.read(scaled, y, kinds), scaled)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_classes_without_rows_are_never_predicted(network):
    x, y, kinds = table()
    scores = network.predict_rows(network.read(x, y, kinds), x)
    assert scores.shape == (2, 12, 10)
    assert (tf.nn.softmax(scores)[..., 3:].numpy() < 1e-30).all()


def test_numbers_fall_into_buckets(network):
    x, _, kinds = table()
    y = np.random.default_rng(2).normal(5.0, 3.0, (2, 12)).astype("float32")
    state = network.read(x, y, kinds, regression=True)
    assert network.predict_rows(state, x).shape == (2, 12, 20)
    buckets = network.targets(state, y).numpy()
    borders = bucket_borders(20)
    z = (y - y.mean(1, keepdims=True)) / y.std(1, keepdims=True)
    assert (borders[buckets] <= z + 1e-4).all() and (z <= borders[buckets + 1] + 1e-4).all()
    far = network.targets(state, np.full((2, 1), 1e6, "float32"))
    np.testing.assert_array_equal(far, 19)


def test_borders_are_symmetric_and_narrow_in_the_middle():
    borders = bucket_borders(50)
    np.testing.assert_allclose(borders, -borders[::-1], atol=1e-5)
    assert np.isclose(borders[-1], 10.0) and np.diff(borders).argmin() in (24, 25)


def test_all_weights_are_trained(network):
    x, y, kinds = table()
    inputs = {"support_x": x, "support_y": y, "query_x": x, "categories": kinds}
    values = y.astype("float32")
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.log_softmax(network(inputs))[..., 0])
        scores = network({**inputs, "support_y": values}, regression=True)
        loss += tf.reduce_mean(tf.nn.log_softmax(scores)[..., 0])
    gradients = tape.gradient(loss, [w.value for w in network.trainable_variables])
    for weight, gradient in zip(network.trainable_variables, gradients, strict=True):
        assert gradient is not None and np.any(gradient), weight.path


def test_saved_and_loaded(network, tmp_path):
    x, y, kinds = table()
    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    expected = network.predict_rows(network.read(x, y, kinds), x)
    found = loaded.predict_rows(loaded.read(x, y, kinds), x)
    np.testing.assert_array_equal(found, expected)
