"""A network without its head."""

import keras
import numpy as np
import pytest

from keras_meta import networks

layers = keras.layers
X = np.random.default_rng(0).normal(size=(5, 2)).astype("float32")


def test_the_last_layer_with_weights_turns_embeddings_into_outputs():
    model = keras.Sequential(
        [keras.Input((2,)), layers.Dense(8), layers.ReLU(), layers.Dense(3), layers.Softmax()]
    )
    embedded = networks.embedding(model)(X)
    kernel, bias = model.layers[0].get_weights()
    np.testing.assert_allclose(embedded, np.maximum(X @ kernel + bias, 0.0), atol=1e-6)
    np.testing.assert_allclose(layers.Softmax()(model.layers[2](embedded)), model(X), atol=1e-6)


def test_layers_are_shared():
    model = networks.SinusoidMLP(units=(4,))
    embedding = networks.embedding(model)
    assert embedding.layers[-1] is model.layers[0]
    assert len(embedding.trainable_variables) == 2


def test_the_embedding_form_of_a_network_is_its_embedding():
    model = networks.Conv4(5, filters=4)
    own = networks.Conv4(filters=4)
    x = np.random.default_rng(0).normal(size=(2, 28, 28, 1)).astype("float32")
    np.testing.assert_allclose(networks.embedding(model)(x), own(x), atol=1e-6)


def test_several_inputs():
    inputs = [keras.Input((2,)), keras.Input((3,))]
    hidden = layers.Concatenate()(inputs)
    model = keras.Model(inputs, layers.Dense(4)(hidden))
    found = networks.embedding(model)([X, np.ones((5, 3))])
    np.testing.assert_allclose(found, np.concatenate([X, np.ones((5, 3))], 1))


def test_it_has_the_policy_of_the_model():
    policy = keras.DTypePolicy("mixed_bfloat16")
    inputs = keras.Input((2,), dtype="float32")
    model = keras.Model(
        inputs, layers.Dense(3, dtype=policy)(layers.Dense(4, dtype=policy)(inputs))
    )
    model.dtype_policy = policy
    assert networks.embedding(model).dtype_policy.name == "mixed_bfloat16"


def test_subclassed_models_have_no_body():
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="Received: 'own' of type Own"):
        networks.embedding(Own(name="own"))
