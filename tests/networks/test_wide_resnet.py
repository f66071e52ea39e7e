"""The wide residual network."""

import keras
import numpy as np
import pytest

from keras_meta.networks import WideResNet


def count(model):
    return sum(np.prod(v.shape) for v in model.trainable_variables)


def test_parameters_of_wrn_28_10_as_published():
    """With the linear layer of ten classes, as for CIFAR-10."""
    model = WideResNet()
    assert count(model) + 641 * 10 == 36_479_194
    convolutions = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    assert len([x for x in convolutions if x.kernel_size == (3, 3)]) == 25
    assert len([x for x in convolutions if x.kernel_size == (1, 1)]) == 3


def test_a_block_adds_to_its_input():
    """Without its last convolutions, the network is the projections alone."""
    model = WideResNet(input_shape=(8, 8, 1), depth=16, width=1)
    kernels = [x.kernel for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    assert model.output_shape == (None, 64)
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype("float32")
    before = model(x).numpy()
    shapes = [tuple(k.shape) for k in kernels]
    assert shapes.count((3, 3, 64, 64)) == 3 and shapes.count((1, 1, 32, 64)) == 1
    # The second block of the last stage: only its second kernel matters to what it adds.
    last = [k for k in kernels if tuple(k.shape) == (3, 3, 64, 64)][-1]
    last.assign(np.zeros(last.shape))
    first = [k for k in kernels if tuple(k.shape) == (3, 3, 64, 64)][-2]
    without = model(x).numpy()
    first.assign(np.ones(first.shape))
    np.testing.assert_array_equal(model(x), without)
    assert np.any(before != without)


def test_dropout_and_seeds():
    kwargs = {"input_shape": (8, 8, 1), "depth": 10, "width": 1}
    model = WideResNet(3, drop_rate=0.3, **kwargs)
    assert sum(isinstance(x, keras.layers.Dropout) for x in model.layers) == 3
    first, again, other = (WideResNet(3, seed=s, **kwargs).get_weights() for s in (1, 1, 50))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.isin(first[0], other[0]).any()


def test_bad_depth():
    with pytest.raises(ValueError, match="`depth` must be .* Received: depth=12"):
        WideResNet(depth=12)
