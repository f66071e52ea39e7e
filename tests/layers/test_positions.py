"""A learned vector for each position."""

import keras
import numpy as np

from keras_meta.layers import Positions


def test_each_position_has_its_vector(tmp_path):
    model = keras.Sequential([keras.Input((None, 3)), Positions(6)])
    table = model.layers[0].table
    assert table.shape == (6, 3)
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    np.testing.assert_allclose(model(x), x + table.numpy()[:4], rtol=1e-6)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model(x))
