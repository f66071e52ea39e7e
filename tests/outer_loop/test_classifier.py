"""A classifier of all classes trains as a stock Keras model does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.exact import normalization
from keras_meta.exact.copying import clone
from keras_meta.outer_loop.classifier import Classifier

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def layers(frozen=False, **options):
    x = inputs = keras.Input((6, 6, 3))
    for _ in range(2):
        x = keras.layers.Conv2D(4, 3)(x)
        layer = keras.layers.BatchNormalization(momentum=0.8, **options)
        x = layer(x, training=False) if frozen else layer(x)
        x = keras.layers.ReLU()(x)
    return inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x))


def pair(**options):
    """A classifier, and the stock model with its weights."""
    ours, theirs = (kind(*layers(**options)) for kind in (Classifier, keras.Model))
    theirs.set_weights(ours.get_weights())
    return ours, theirs


@pytest.mark.parametrize("size", [1, 2**62], ids=["one kernel", "small"])
@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}, {"frozen": True}])
def test_trains_as_stock_keras(size, options, monkeypatch):
    monkeypatch.setattr(normalization, "_FUSED_SIZE", size)
    random = np.random.default_rng(0)
    x, y = random.normal(1.0, 2.0, (24, 6, 6, 3)).astype("float32"), random.integers(0, 3, 24)
    models = pair(**options)
    for model in models:
        model.compile(keras.optimizers.SGD(0.1, momentum=0.9), LOSS)
        model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    ours, theirs = models
    for mine, stock in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, stock, atol=1e-4)
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), atol=1e-3)


def test_frozen_layers_keep_their_statistics():
    model, _ = pair()
    for layer in normalization.batch_normalizations(model):
        layer.trainable = False
    before = [v.numpy() for v in model.non_trainable_variables]
    model.compile("sgd", LOSS)
    model.train_on_batch(np.ones((4, 6, 6, 3), "float32"), np.zeros(4))
    for now, was in zip(model.non_trainable_variables, before, strict=True):
        np.testing.assert_array_equal(now, was)


def test_trains_on_two_devices():
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    x, y = np.random.default_rng(0).normal(size=(8, 6, 6, 3)).astype("float32"), np.arange(8) % 3
    with strategy.scope():
        model = Classifier(*layers())
        model.compile("sgd", LOSS)
    before = model.get_weights()
    model.fit(x, y, batch_size=4, verbose=0)
    assert all((now != was).any() for now, was in zip(model.get_weights(), before, strict=True))


def test_is_copied_and_saved(tmp_path):
    model, _ = pair()
    x = np.random.default_rng(0).normal(size=(4, 6, 6, 3)).astype("float32")
    model.save(tmp_path / "model.keras")
    for again in (clone(model), keras.saving.load_model(tmp_path / "model.keras")):
        assert isinstance(again, Classifier)
        np.testing.assert_allclose(again(x), model(x), atol=1e-6)
