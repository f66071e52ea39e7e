"""Predictions of a table, averaged over orders."""

import numpy as np

from keras_meta.in_context import predictor as module
from keras_meta.in_context.distribution import bucket_mean, bucket_quantiles
from keras_meta.in_context.predictor import TablePredictor

X = np.random.default_rng(0).normal(size=(30, 5)).astype("float32")
Y = np.arange(30) % 3
KINDS = np.array([False, True, False, False, True])


def test_one_member_is_the_network_itself(network):
    found = TablePredictor(network, X, Y, KINDS, members=1).probabilities(X[:4])
    state = network.read(X[None], Y[None].astype("int32"), KINDS[None].astype("float32"))
    scores = network.predict_rows(state, X[None, :4])[0, :, :3].numpy()
    expected = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_members_are_averaged_over_orders_of_columns_and_codes(network):
    predictor = TablePredictor(network, X, Y, KINDS, members=4, seed=3)
    assert len({tuple(order) for order in predictor.orders}) == 4
    assert len({tuple(codes) for codes in predictor.codes}) > 1
    found = predictor.probabilities(X[:6])
    members = []
    for order, codes in zip(predictor.orders, predictor.codes, strict=True):
        kinds = KINDS[order].astype("float32")[None]
        state = network.read(X[None][..., order], codes[Y][None].astype("int32"), kinds)
        scores = network.predict_rows(state, X[None, :6][..., order])[0].numpy()[:, codes]
        members.append(np.exp(scores) / np.exp(scores).sum(1, keepdims=True))
    np.testing.assert_allclose(found, np.mean(members, 0), rtol=1e-4)
    np.testing.assert_allclose(found.sum(1), 1.0)


def test_passes_and_chunks_make_no_difference(network, monkeypatch):
    expected = TablePredictor(network, X, Y, KINDS, members=3).probabilities(X)
    monkeypatch.setattr(module, "_SCORES", 1)
    monkeypatch.setattr(module, "_QUERIES", 7)
    predictor = TablePredictor(network, X, Y, KINDS, members=3)
    assert len(predictor.passes) == 3
    np.testing.assert_allclose(predictor.probabilities(X), expected, rtol=1e-4)


def test_numbers_have_a_distribution(network):
    y = X[:, 0].astype("float64")
    found = TablePredictor(network, X, y, KINDS, members=2).probabilities(X[:5])
    assert found.shape == (5, 20)
    np.testing.assert_allclose(found.sum(1), 1.0)


def test_mean_and_quantiles_of_buckets():
    probabilities = np.array([[0.25, 0.25, 0.5], [0.0, 1.0, 0.0]])
    borders = np.array([-2.0, 0.0, 1.0, 3.0])
    np.testing.assert_allclose(bucket_mean(probabilities, borders), [0.875, 0.5])
    quantiles = bucket_quantiles(probabilities, borders, np.array([0.0, 0.25, 0.75, 1.0]))
    np.testing.assert_allclose(quantiles[0], [-2.0, 0.0, 2.0, 3.0])
    np.testing.assert_allclose(quantiles[1][1:3], [0.25, 0.75])


def test_tables_of_all_sizes_are_traced_once(network):
    for rows, columns in ((2, 1), (2, 3), (40, 3), (40, 4)):
        x = np.zeros((rows, columns), "float32")
        found = TablePredictor(network, x, np.arange(rows) % 2, np.zeros(columns, bool), members=1)
        found.probabilities(x[:1])
    counts = [graph.experimental_get_tracing_count() for graph in module.compiled(network, False)]
    assert counts == [1, 1]
