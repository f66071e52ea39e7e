"""A rate of `DropBlock` that grows during training."""

import keras
import numpy as np
import pytest

from keras_meta.callbacks import DropBlockSchedule
from keras_meta.layers import DropBlock


def fitted(callbacks, epochs=1, layer=None, model=None):
    if model is None:
        layers = [layer or DropBlock(0.4, 2), keras.layers.Flatten(), keras.layers.Dense(1)]
        model = keras.Sequential([keras.Input((4, 4, 1)), keras.Sequential(layers)])
        model.compile("sgd", "mse")
    x, y = np.ones((6, 4, 4, 1)), np.ones((6, 1))
    model.fit(x, y, batch_size=2, epochs=epochs, callbacks=callbacks, verbose=0)
    return model


def test_the_rate_grows_by_steps_of_the_optimizer():
    rates = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: rates.append(float(layer.current_rate))
    )
    layer = DropBlock(0.4, 2)
    model = fitted([DropBlockSchedule(steps=4), watch], layer=layer)
    # A second run goes on where the first one ended.
    fitted([DropBlockSchedule(steps=4), watch], model=model)
    np.testing.assert_allclose(rates, [0.0, 0.1, 0.2, 0.3, 0.4, 0.4], rtol=1e-6)


def test_bad_arguments():
    with pytest.raises(ValueError, match="`steps` must be at least 1. Received: steps=0"):
        DropBlockSchedule(0)
    with pytest.raises(ValueError, match="no `DropBlock` layer.*model 'sequential"):
        fitted([DropBlockSchedule(4)], layer=keras.layers.Dropout(0.5))
