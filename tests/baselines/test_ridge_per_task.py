"""Linear models of single tasks."""

import numpy as np
import tensorflow as tf

from keras_meta import baselines


def test_it_is_ridge_regression_with_an_intercept():
    from sklearn.linear_model import Ridge

    random = np.random.default_rng(0)
    x, w = random.normal(size=(9, 3)), random.normal(size=(3, 1))
    y = x @ w + 50.0
    inputs = {"support_x": tf.constant(x[:6]), "support_y": tf.constant(y[:6])}
    inputs["query_x"] = tf.constant(x[6:])
    found = baselines.RidgePerTask(penalties=(1e-6, 2.0)).predictions(inputs, None)
    np.testing.assert_allclose(found[0], y[6:], rtol=1e-5)
    expected = Ridge(2.0).fit(x[:6], y[:6]).predict(x[6:])
    np.testing.assert_allclose(found[1][:, 0], expected.reshape(-1), rtol=1e-6)


def test_one_example_gives_a_constant_and_features_may_be_a_model():
    inputs = {"support_x": tf.ones((1, 1)), "support_y": tf.fill((1, 1), 7.0)}
    inputs["query_x"] = tf.constant([[3.0], [4.0]])
    lines = baselines.RidgePerTask(lambda x, training: 2 * x, penalties=(1e-6,))
    np.testing.assert_allclose(lines.predictions(inputs, None), 7.0 * np.ones((1, 2, 1)))
