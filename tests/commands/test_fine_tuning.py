import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import episodes, networks
from keras_meta.commands import fine_tuning
from keras_meta.commands.fine_tuning import Tuning
from keras_meta.metrics.adaptation_curve import squared_error


@pytest.mark.parametrize("head_only", [False, True])
def test_adam_is_that_of_keras(head_only):
    """Each task ends where Keras's own Adam ends, from the same weights."""
    model = networks.SinusoidMLP(units=(8,))
    data = episodes.Sinusoid(5, 4, seed=1).as_dataset(2, num_batches=1)
    tuning = Tuning(model, 0.02, head_only)
    found = fine_tuning.values_by_step(tuning, data, "mse", squared_error, (0, 1, 7))
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
    still, moving = Tuning(model, 1e-9), Tuning(model, 0.03)
    choice = fine_tuning.choose([still, moving], data, "mse", squared_error, (0, 20), True)
    assert choice == (moving, 1)
    assert str(moving) == "Adam, rate 0.03"
    assert str(Tuning(model, 0.1, True, True)) == "Adam, rate 0.1, head only, stored statistics"
