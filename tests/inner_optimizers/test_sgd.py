"""Gradient descent, against Keras's own and against its equations."""

import keras
import numpy as np
import pytest

from keras_meta.inner_optimizers import SGD
from tests.inner_optimizers import descents

PAIRS = {
    "plain": (lambda: SGD(0.1), lambda: keras.optimizers.SGD(0.1)),
    "momentum": (lambda: SGD(0.1, 0.9), lambda: keras.optimizers.SGD(0.1, 0.9)),
    "nesterov": (lambda: SGD(0.1, 0.8, True), lambda: keras.optimizers.SGD(0.1, 0.8, True)),
    "decay": (
        lambda: SGD(0.1, weight_decay=0.3),
        lambda: keras.optimizers.SGD(0.1, weight_decay=0.3),
    ),
    "clipping": (
        lambda: SGD(0.1, global_clipnorm=0.5),
        lambda: keras.optimizers.SGD(0.1, global_clipnorm=0.5),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_equals_the_optimizer_of_keras(name):
    inner, outer = (make() for make in PAIRS[name])
    descents.assert_equals_keras(inner, outer)


@pytest.mark.parametrize("nesterov", [False, True])
def test_equals_its_equations(nesterov):
    weights = [x.astype("float64") for x in descents.START]
    velocities = [0.0 * x for x in weights]
    for found in descents.descend(SGD(0.1, 0.8, nesterov), start=weights):
        steps = [-0.1 * g for g in descents.gradients(weights)]
        velocities = [0.8 * v + s for v, s in zip(velocities, steps, strict=True)]
        moves = velocities
        if nesterov:
            moves = [0.8 * v + s for v, s in zip(velocities, steps, strict=True)]
        weights = [w + m for w, m in zip(weights, moves, strict=True)]
        for a, b in zip(found, weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)


def test_there_are_slots_only_with_momentum():
    weights = descents.START
    assert descents.prepared(SGD(0.1)).init(weights) == [(), ()]
    (slot,), _ = descents.prepared(SGD(0.1, momentum=0.0)).init(weights)
    np.testing.assert_array_equal(slot, np.zeros(3))


@pytest.mark.parametrize("name", PAIRS)
def test_configuration(name):
    descents.assert_configuration_survives(PAIRS[name][0]())


def test_nesterov_needs_a_momentum():
    with pytest.raises(ValueError, match="needs a momentum.*Received: nesterov=True, momentum=No"):
        SGD(nesterov=True)
