"""The squared error does not depend on the unit."""

import keras
import numpy as np
import pytest

from keras_meta.losses import StandardizedSquaredError


def test_it_is_the_squared_error_in_another_unit():
    random = np.random.default_rng(0)
    y, predictions = random.normal(size=(2, 3, 4, 1)).astype("float32")
    loss = StandardizedSquaredError(scale=20.0)
    expected = keras.losses.MeanSquaredError()(y, predictions)
    np.testing.assert_allclose(loss(20 * y, 20 * predictions), expected, rtol=1e-5)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert copy.scale == 20.0
    with pytest.raises(ValueError, match="must be a number > 0. Received: scale=0"):
        StandardizedSquaredError(0)
