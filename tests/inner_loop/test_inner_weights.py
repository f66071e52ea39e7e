"""Which weights are a task's own."""

import keras
import pytest

from keras_meta.inner_loop.inner_weights import InnerWeights, of_model, put


@pytest.fixture
def model():
    layers = [keras.layers.Dense(3), keras.layers.LayerNormalization(), keras.layers.Dense(2)]
    return keras.Sequential([keras.Input((4,)), *layers])


def test_by_default_those_that_adapt_are_a_task_s():
    inner = InnerWeights(adapted=[0, 2], variables=["a", "c"], layers=[0, 1])
    assert inner.of_task == [0, 2] and inner.replaced == [] and inner.model is None
    assert InnerWeights([0], ["a"], [0], of_task=[0, 5]).of_task == [0, 5]


def test_of_a_model(model):
    inner = of_model(model)
    assert inner.adapted == inner.of_task == [0, 1, 2, 3, 4, 5]
    assert inner.variables == model.trainable_variables and inner.model is model
    assert inner.layers == [0, 0, 1, 1, 2, 2]


def test_of_some_of_its_weights(model):
    inner = of_model(model, "head")
    assert inner.adapted == [4, 5] and inner.layers == [0, 0]
    assert inner.variables == model.trainable_variables[4:]


def test_what_is_fixed_is_of_a_task_and_does_not_adapt(model):
    scales = model.layers[1].trainable_variables
    inner = of_model(model, "all", replaced=scales, fixed=scales)
    assert inner.adapted == [0, 1, 4, 5] and inner.of_task == [0, 1, 4, 5, 2, 3]
    assert inner.layers == [0, 0, 1, 1]
    assert inner.replaced == list(scales)
    # Whether or not it was to adapt.
    assert of_model(model, "head", fixed=scales).of_task == [4, 5, 2, 3]


def test_put():
    weights = ["a", "b", "c"]
    assert put(weights, [2, 0], ["z", "x"]) == ["x", "b", "z"]
    assert weights == ["a", "b", "c"]
    with pytest.raises(ValueError):
        put(weights, [0, 1], ["x"])
