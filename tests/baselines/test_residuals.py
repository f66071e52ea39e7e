"""A method on what a pooled model leaves."""

import keras
import numpy as np
import tensorflow as tf

from keras_meta import baselines


def test_the_method_learns_the_errors_of_the_model():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.set_weights([np.array([[2.0]]), np.array([1.0])])
    x = tf.constant([[0.0], [1.0], [5.0]])
    inputs = {"support_x": x[:2], "support_y": 2 * x[:2] + 4, "query_x": x[2:]}
    method = baselines.Residuals(model, baselines.ShrunkenMean(prior_rows=(0.0, 2.0)))
    assert method.predictions(inputs, None)[:, 0, 0].numpy().tolist() == [14.0, 12.5]
    assert len(method.settings) == 2
