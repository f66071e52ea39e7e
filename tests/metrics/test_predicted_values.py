"""Predicted values are those of the learner, with padding marked."""

import keras
import numpy as np

from keras_meta import episodes, learners, metrics
from tests.episodes.tables import plants


def test_predictions_of_padded_tasks():
    tasks = episodes.from_groups(plants(), "plant", ["day"], "height", (1, 2), num_queries=3)
    data = tasks.as_dataset(3, num_batches=2)
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(4, "tanh")])
    inputs = keras.Input((), name="day")
    body = keras.Model({"day": inputs}, network(keras.layers.Reshape((1,))(inputs)))
    ridge = learners.RidgeLearner(body, num_values=1)
    found = metrics.predicted_values(ridge, data)
    assert found.mask.shape == found.mean.shape == (6, 3) and not found.mask.all()
    assert (found.deviation[~found.mask] == 1).all()
    (inputs, y), *_ = data
    np.testing.assert_allclose(found.mean[:3], ridge(inputs)[..., 0], rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(found.y[:3], y[..., 0])
    task = [{"day": inputs[key]["day"][0, :1]} for key in ("support_x", "query_x")]
    _, variance = ridge.predict_with_variance(task[0], inputs["support_y"][0, :1], task[1])
    if inputs["support_mask"][0].numpy().sum() == 1:
        np.testing.assert_allclose(found.deviation[0, 0], np.sqrt(variance[0, 0]), rtol=1e-4)
    # A learner without variance.
    model = keras.Model(body.input, keras.layers.Dense(1)(body.output))
    maml = learners.MAML(model, 0.01)
    maml.compile("sgd", "mse")
    assert (metrics.predicted_values(maml, data).deviation == 1).all()
