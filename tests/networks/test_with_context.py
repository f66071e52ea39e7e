import keras
import numpy as np
import pytest

import keras_meta
from keras_meta.networks.with_context import with_context


def conv4():
    return keras_meta.networks.Conv4(num_ways=3, filters=4)


def with_softmax():
    """A head that is not the last layer, and two paths before it."""
    inputs = keras.Input((28, 28, 1))
    x = keras.layers.Flatten()(inputs)
    x = keras.layers.Add()([keras.layers.Dense(4)(x), keras.layers.Dense(4, "tanh")(x)])
    return keras.Model(inputs, keras.layers.Softmax()(keras.layers.Dense(3)(x)))


@pytest.mark.parametrize("network", [conv4, with_softmax])
def test_it_is_the_same_model_until_the_context_changes(network):
    model = network()
    extended = with_context(model, size=5)
    x = np.random.default_rng(0).random((2, 28, 28, 1), "float32")
    before = model.predict(x, verbose=0)
    np.testing.assert_array_equal(extended.predict(x, verbose=0), before)
    assert {id(v) for v in model.variables} < {id(v) for v in extended.variables}
    (context,) = [v for v in extended.trainable_variables if v.name == "context"]
    assert context.shape == (5,)
    context.assign(np.ones(5))
    assert np.abs(extended.predict(x, verbose=0) - before).max() > 1e-3


def test_the_precision_of_the_model_is_kept():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = conv4()
    finally:
        keras.config.set_dtype_policy("float32")
    extended = with_context(model)
    assert extended.dtype_policy.name == "mixed_bfloat16"
    assert extended.get_layer("context").compute_dtype == "bfloat16"


def test_several_layers_have_contexts_of_their_own():
    model = keras_meta.networks.CausalConvNet(7, width=4, num_blocks=2)
    names = [layer.name for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    extended = with_context(model, 3, names)
    x = np.random.default_rng(0).integers(0, 7, (2, 9))
    np.testing.assert_array_equal(extended(x), model(x))
    contexts = [v for v in extended.trainable_variables if v.name == "context"]
    assert len(contexts) == len(names) == 3
    seen = [model(x).numpy()]
    for context in contexts:
        context.assign(np.ones(3))
        seen.append(extended(x).numpy())
        assert np.abs(seen[-1] - seen[-2]).max() > 1e-4
    with pytest.raises(ValueError, match="No such layer"):
        with_context(model, 3, ["unknown"])


def test_a_subclassed_model_has_no_head_to_find():
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="cannot be told from its body.*Received: .* of type Own"):
        with_context(Own())
