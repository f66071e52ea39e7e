"""Lines between support examples."""

import numpy as np
import tensorflow as tf

from keras_meta import baselines


def test_it_interpolates_as_numpy_does():
    random = np.random.default_rng(0)
    x, y, query = random.normal(size=(3, 20))
    for size in (1, 2, 7):
        inputs = {"support_x": tf.constant(x[:size, None]), "query_x": tf.constant(query[:, None])}
        inputs["support_y"] = tf.constant(y[:size, None])
        order = np.argsort(x[:size])
        expected = np.interp(query, x[:size][order], y[:size][order])
        found = baselines.Interpolation().predictions(inputs, None)
        np.testing.assert_allclose(found[0, :, 0], expected, atol=1e-12)


def test_equal_positions_are_defined():
    inputs = {"support_x": tf.ones((3, 1)), "support_y": tf.constant([[1.0], [2.0], [3.0]])}
    inputs["query_x"] = tf.constant([[1.0], [0.0], [2.0]])
    found = baselines.Interpolation().predictions(inputs, None).numpy()
    assert np.isfinite(found).all() and found.min() >= 1 and found.max() <= 3
