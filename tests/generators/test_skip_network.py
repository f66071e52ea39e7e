"""A linear map beside a hidden layer."""

import numpy as np
import pytest

from keras_meta.generators.skip_network import SkipNetwork
from tests.generators import task_embeddings


def built(**kwargs):
    layer = SkipNetwork(units=6, size=3, **kwargs)
    layer.build((None, 4))
    return layer


def test_equals_its_definition():
    layer = task_embeddings.randomised(built())
    x = np.random.default_rng(0).normal(size=(7, 4)).astype("float32")
    np.testing.assert_allclose(layer(x), task_embeddings.skip_network(layer, x), atol=1e-5)


def test_it_has_one_bias_for_its_outputs():
    shapes = sorted(tuple(v.shape) for v in built().trainable_variables)
    assert shapes == sorted([(4, 6), (6,), (6, 3), (3,), (4, 3)])


@pytest.mark.parametrize("initializer", ["zeros", "ones"])
def test_the_initializer_is_that_of_the_two_maps_to_the_outputs(initializer):
    layer = built(initializer=initializer)
    value = float(initializer == "ones")
    np.testing.assert_array_equal(layer.linear.kernel, np.full((4, 3), value))
    np.testing.assert_array_equal(layer.nonlinear.kernel, np.full((6, 3), value))
    assert np.ptp(layer.hidden.kernel.numpy()) > 0


def test_the_two_maps_start_at_different_random_values():
    layer = built()
    assert not np.isin(layer.linear.kernel.numpy(), layer.nonlinear.kernel.numpy()).any()
