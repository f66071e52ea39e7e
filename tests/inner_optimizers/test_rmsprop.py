"""RMSprop, against Keras's own and against its equations."""

import keras
import numpy as np

from keras_meta.inner_optimizers import RMSprop
from tests.inner_optimizers import descents


def test_equals_the_optimizer_of_keras():
    descents.assert_equals_keras(RMSprop(0.1, 0.8), keras.optimizers.RMSprop(0.1, 0.8))


def test_equals_its_equations():
    weights = [x.astype("float64") for x in descents.START]
    v = [0.0 * x for x in weights]
    for found in descents.descend(RMSprop(0.1, 0.8, epsilon=0.5), start=weights):
        given = descents.gradients(weights)
        v = [0.8 * a + 0.2 * g**2 for a, g in zip(v, given, strict=True)]
        for i, gradient in enumerate(given):
            weights[i] = weights[i] - 0.1 * gradient / np.sqrt(v[i] + 0.5)
            np.testing.assert_allclose(found[i], weights[i], rtol=1e-6)


def test_configuration():
    inner = RMSprop(0.1, 0.8, epsilon=1e-5, global_clipnorm=2.0)
    descents.assert_configuration_survives(inner)
    assert inner.get_config()["epsilon"] == 1e-5
