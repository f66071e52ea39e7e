"""Gaussian processes of single tasks."""

import numpy as np
import tensorflow as tf

from keras_meta import baselines


def test_it_is_the_mean_of_the_process():
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel

    random = np.random.default_rng(0)
    x = random.normal(size=(12, 2))
    y = np.sin(x[:, :1]) + 5.0
    inputs = {"support_x": tf.constant(x[:8]), "support_y": tf.constant(y[:8])}
    inputs["query_x"] = tf.constant(x[8:])
    method = baselines.GaussianProcess(None, 5.0, (0.5, 2.0), (0.1,), (0.3,))
    for length, found in zip((0.5, 2.0), method.predictions(inputs, None), strict=True):
        kernel = RBF(length) + ConstantKernel(0.3)
        process = GaussianProcessRegressor(kernel, alpha=0.1, optimizer=None)
        expected = 5.0 + process.fit(x[:8], y[:8] - 5.0).predict(x[8:])
        np.testing.assert_allclose(found[:, 0], expected.reshape(-1), rtol=1e-6)
    assert method.settings[1] == "length scale 2, noise 0.1, level 0.3"
