"""Cells described by the support set: standardised, ranked, missing."""

import numpy as np
import tensorflow as tf

from keras_meta.layers.table_cells import (
    NUM_FEATURES,
    TableCells,
    cell_features,
    column_statistics,
)

SUPPORT = np.array([[[1.0, 5.0], [3.0, 5.0], [np.nan, 5.0], [5.0, 5.0]]], "float32")


def test_statistics_are_those_of_what_is_known():
    statistics = column_statistics(tf.constant(SUPPORT))
    np.testing.assert_allclose(statistics["mean"][0, 0], [3.0, 5.0])
    np.testing.assert_allclose(statistics["scale"][0, 0], [np.sqrt(8 / 3), 1.0], rtol=1e-6)


def test_features():
    statistics = column_statistics(tf.constant(SUPPORT))
    rows = np.array([[[5.0, 5.0], [np.nan, 5.0], [1e9, 6.0], [2.0, 5.0]]], "float32")
    features = cell_features(tf.constant(rows), statistics).numpy()
    assert features.shape == (1, 4, 2, NUM_FEATURES) and np.isfinite(features).all()
    z, u, missing = np.moveaxis(features[0, :, :, :3], -1, 0)
    np.testing.assert_allclose(z[:, 0], [2 / np.sqrt(8 / 3), 0.0, 6.0, -1 / np.sqrt(8 / 3)])
    np.testing.assert_allclose(z[:, 1], [0.0, 0.0, 1.0, 0.0])
    # Of 1, 3 and 5: two are smaller than 5 and none larger; one smaller than 2 and two larger.
    np.testing.assert_allclose(u[:, 0], [2 / 3, 0.0, 1.0, -1 / 3], rtol=1e-6)
    np.testing.assert_allclose(u[:, 1], [0.0, 0.0, 1.0, 0.0])
    np.testing.assert_array_equal(missing, [[0, 0], [1, 0], [0, 0], [0, 0]])
    np.testing.assert_allclose(np.square(features[..., 3::2]) + np.square(features[..., 4::2]), 1.0)


def test_a_column_may_be_missing_whole():
    statistics = column_statistics(tf.fill([1, 3, 1], np.nan))
    features = cell_features(tf.constant([[[2.0]]]), statistics)
    assert np.isfinite(features).all()


def test_neighbouring_columns_share_a_token():
    cells = TableCells(8, group_size=2)
    cells.build()
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    statistics = column_statistics(tf.constant(x))
    tokens = cells(tf.constant(x), statistics, tf.zeros((2, 3)))
    assert tokens.shape == (2, 2, 5, 8)
    # The third column is in the second token alone, and being categories tells.
    changed = cells(tf.constant(x), statistics, tf.constant([[0.0, 0.0, 1.0]] * 2))
    np.testing.assert_array_equal(changed[:, 0], tokens[:, 0])
    assert np.abs(changed[:, 1] - tokens[:, 1]).min() > 0
    other = cells(tf.constant(x), statistics, tf.zeros((2, 3)), np.arange(64)[::-1])
    assert np.abs(other - tokens).max() > 0
