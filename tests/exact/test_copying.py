"""Copies of models, with what their configuration leaves out."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.exact import copying, private
from tests.exact import backbones

layers = keras.layers


def rebuilt(model):
    return keras.saving.deserialize_keras_object(copying.serialize(model))


def trainable(model):
    return [v.path.split("/", 1)[1] for v in model.trainable_variables]


def test_a_model_that_was_not_changed_is_configured_by_keras():
    model = backbones.classifier(lora=False)
    assert copying.serialize(model) == keras.saving.serialize_keras_object(model)


def test_what_was_frozen_and_has_lora_weights_is_so_again():
    model = backbones.classifier()
    found = rebuilt(model)
    names = [v.name for v in model.trainable_variables]
    assert names == [v.name for v in found.trainable_variables]
    assert names == [
        "lora_embeddings_a",
        "lora_embeddings_b",
        *["lora_kernel_a", "lora_kernel_b"] * 3,
        "kernel",
        "bias",
    ]
    pairs = list(zip(private.sublayers(model), private.sublayers(found), strict=True))
    assert [private.lora_settings(a) for a, _ in pairs] == [
        private.lora_settings(b) for _, b in pairs
    ]
    assert [a.trainable for a, _ in pairs] == [b.trainable for _, b in pairs]
    # Twice the same.
    assert copying.serialize(found)["config"]["lora"] == copying.serialize(model)["config"]["lora"]


def test_a_copy_predicts_the_same_and_shares_nothing():
    model = backbones.classifier()
    backbones.stir(model)
    x = backbones.features(5)
    copy = copying.clone(model)
    expected = model.predict(x, verbose=0)
    np.testing.assert_array_equal(copy.predict(x, verbose=0), expected)
    for a, b in zip(model.variables, copy.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    backbones.stir(copy)
    copy.layers[-1].bias.assign([9.0, 9.0, 9.0])
    np.testing.assert_array_equal(model.predict(x, verbose=0), expected)


def test_a_frozen_bias_of_a_layer_with_lora_weights_stays_frozen():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2), layers.Dense(2)])
    model.layers[0].enable_lora(1)
    model.layers[0].bias.trainable = False
    assert [v.name for v in copying.clone(model).trainable_variables] == [
        *("lora_kernel_a", "lora_kernel_b", "kernel", "bias")
    ]


def test_an_adapted_vocabulary_is_copied():
    words = layers.TextVectorization()
    words.adapt(["one two", "two three", "zwölf 十二"])
    model = keras.Sequential(
        [keras.Input((), dtype="string"), words, layers.Embedding(8, 2), layers.LSTM(2)]
    )
    x = tf.constant(["three two", "four", "zwölf", ""])
    copy = copying.clone(model)
    assert copy.layers[0].get_vocabulary() == words.get_vocabulary()
    np.testing.assert_array_equal(copy.predict(x, verbose=0), model.predict(x, verbose=0))


def test_weights_of_a_vocabulary_are_copied():
    words = layers.TextVectorization(output_mode="tf_idf")
    try:
        words.load_own_variables({"idf_weights": np.ones(2, "float32")})
    except AttributeError:
        pytest.skip("this version of Keras cannot load such a layer, saved by itself either")
    words = layers.TextVectorization(output_mode="tf_idf")
    words.adapt(["one two", "two three", "three two"])
    model = keras.Sequential([keras.Input((), dtype="string"), words, layers.Dense(2)])
    x = tf.constant(["three two", "four"])
    copy = copying.clone(model)
    np.testing.assert_array_equal(copy.predict(x, verbose=0), model.predict(x, verbose=0))


def test_adapted_normalisation_is_copied():
    normal = layers.Normalization()
    normal.adapt(np.random.default_rng(0).normal(3.0, 2.0, (50, 3)))
    model = keras.Sequential([keras.Input((3,)), normal, layers.Dense(2)])
    x = np.ones((2, 3))
    copy = copying.clone(model)
    np.testing.assert_array_equal(copy.predict(x, verbose=0), model.predict(x, verbose=0))


def test_a_model_without_a_configuration():
    class Own(keras.Model):
        def __init__(self, size):
            super().__init__(name="own")
            self.dense = layers.Dense(size)

        def call(self, x):
            return self.dense(x)

    model = Own(2)
    model(np.ones((1, 2)))
    with pytest.raises(ValueError, match="Define a `get_config.*Received: model 'own' of type Own"):
        copying.clone(model)
