"""Fine-tuning to each task, against Keras's own Adam."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import baselines, episodes, networks
from keras_meta.baselines import FineTuning


@pytest.mark.parametrize(
    ("head_only", "task_map"), [(False, "loop"), (True, "loop"), (True, "vectorize")]
)
def test_adam_is_that_of_keras(head_only, task_map):
    """Each task ends where Keras's own Adam ends, from the same weights."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((1,)), layers.Dense(8, "tanh"), layers.Dense(1)])
    data = episodes.Sinusoid(5, 4, seed=1).as_dataset(2, num_batches=1)
    tuning = FineTuning(model, 0.02, (0, 1, 7), head_only)
    tuning.task_map = task_map
    found = tuning.task_values(data, "mse", "mse")
    assert found.shape == (2, 3)

    ((inputs, query_y),) = data
    for task in range(2):
        copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
        copy.layers[0].trainable = not head_only
        copy.compile(keras.optimizers.Adam(0.02), "mse")
        for _ in range(7):
            copy.train_on_batch(inputs["support_x"][task], inputs["support_y"][task])
        error = tf.reduce_mean(tf.square(copy(inputs["query_x"][task]) - query_y[task]))
        np.testing.assert_allclose(found[task, 2], error, rtol=1e-4)


def test_the_best_on_validation_tasks_is_chosen():
    model = networks.SinusoidMLP(units=(8,))
    data = episodes.Sinusoid(5, 4, seed=1).as_dataset(10, num_batches=1)
    still, moving = (FineTuning(model, rate, (0, 20)) for rate in (1e-9, 0.03))
    diverging = FineTuning(model, float(np.finfo("float32").max), (20,))
    assert np.isnan(diverging.task_values(data, "mse", "mse")).any()
    for order in ([diverging, still, moving], [moving, still, diverging]):
        assert baselines.choose(order, data, "mse", "mse") == (moving, 1)
    assert moving.settings == ["Adam, rate 0.03, 0 steps", "Adam, rate 0.03, 20 steps"]
    both = FineTuning(model, 0.1, (3,), head_only=True, stored_statistics=True)
    assert both.settings == ["Adam, rate 0.1, head only, stored statistics, 3 steps"]
    for name, shown in (("momentum", "momentum"), ("nesterov", "Nesterov momentum")):
        (setting,) = FineTuning(model, 0.1, (1,), optimizer=name).settings
        assert setting == f"SGD with {shown}, rate 0.1, 1 steps"
