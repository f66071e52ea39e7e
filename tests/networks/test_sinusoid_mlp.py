"""The network of the sinusoid experiments."""

import numpy as np

from keras_meta.networks import SinusoidMLP


def test_equals_its_definition():
    model = SinusoidMLP(units=(5, 4), num_outputs=2)
    model.set_weights([np.random.default_rng(0).normal(size=w.shape) for w in model.get_weights()])
    x = np.linspace(-5, 5, 7)[:, None].astype("float32")
    w1, b1, w2, b2, w3, b3 = model.get_weights()
    hidden = np.maximum(np.maximum(x @ w1 + b1, 0) @ w2 + b2, 0)
    np.testing.assert_allclose(model(x), hidden @ w3 + b3, atol=1e-5)


def test_without_outputs_it_is_an_embedding():
    model, embedding = SinusoidMLP(units=(5, 4)), SinusoidMLP(units=(5, 4), num_outputs=None)
    x = np.ones((3, 1), "float32")
    assert embedding.output_shape == (None, 4)
    np.testing.assert_array_equal(model.layers[-1](embedding(x)), model(x))


def test_initial_weights_are_those_of_the_paper_and_of_the_seed():
    model = SinusoidMLP()
    kernel = model.layers[1].kernel.numpy()
    assert kernel.shape == (40, 40) and np.abs(kernel).max() < 0.02 + 1e-6  # cut at 2 deviations
    assert abs(kernel.std() - 0.0088) < 0.0005  # the deviation of a normal cut there
    assert not any(layer.bias.numpy().any() for layer in model.layers)
    np.testing.assert_array_equal(SinusoidMLP().layers[1].kernel, kernel)
    assert not np.isin(SinusoidMLP(seed=5).layers[1].kernel.numpy(), kernel).any()
    assert not np.isin(model.layers[0].kernel.numpy(), kernel).any()
