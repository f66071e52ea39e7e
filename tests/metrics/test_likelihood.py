"""Perplexity and bits per character, against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.exact import private
from keras_meta.metrics import BitsPerCharacter, NegativeLogLikelihood, Perplexity

RANDOM = np.random.default_rng(0)
Y = RANDOM.integers(0, 3, (4, 5, 6))
LOGITS = 2 * RANDOM.normal(size=(4, 5, 6, 3)).astype("float32")
WEIGHTS = RANDOM.integers(0, 3, (4, 5, 6)) / 2
NATS = -np.log(
    np.take_along_axis(np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True), Y[..., None], -1)
)[..., 0]

KINDS = {
    NegativeLogLikelihood: lambda mean: mean,
    Perplexity: np.exp,
    BitsPerCharacter: lambda mean: mean / np.log(2),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [None, (4, 1, 1), (4, 5, 1), (4, 5, 6)])
def test_equals_numpy_over_batches_of_logits_or_probabilities(kind, shape):
    weights = np.ones((4, 5, 6))
    if shape is not None:
        weights = WEIGHTS[tuple(slice(0, n) for n in shape)]
    full = np.broadcast_to(weights, (4, 5, 6))
    expected = KINDS[kind](np.average(NATS, weights=full))
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
    for from_logits, predictions in ((True, LOGITS), (False, p)):
        for labels in (Y, np.eye(3)[Y], Y[..., None]):
            metric = kind(from_logits=from_logits)
            for part in (slice(0, 3), slice(3, 4)):
                weight = None if shape is None else weights[part]
                metric.update_state(labels[part], predictions[part], weight)
            np.testing.assert_allclose(metric.result(), expected, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_and_an_ignored_label_do_not_count(kind):
    mask = RANDOM.random((4, 5, 6)) < 0.5
    predictions = tf.constant(LOGITS)
    private.set_keras_mask(predictions, tf.constant(mask))
    metric = kind()
    metric.update_state(Y, predictions, WEIGHTS)
    expected = KINDS[kind](np.average(NATS, weights=WEIGHTS * mask))
    np.testing.assert_allclose(metric.result(), expected, rtol=1e-5)
    # What is hidden may be anything.
    unknown = tf.constant(np.where(mask[..., None], LOGITS, np.nan))
    private.set_keras_mask(unknown, tf.constant(mask))
    metric = kind()
    metric.update_state(Y, unknown, WEIGHTS)
    np.testing.assert_allclose(metric.result(), expected, rtol=1e-5)
    metric = kind(ignore_class=-1)
    metric.update_state(np.where(mask, Y, -1), LOGITS, WEIGHTS)
    np.testing.assert_allclose(metric.result(), expected, rtol=1e-5)


def test_bytes_that_continue_a_character_do_not_count():
    text = "aé€😀"
    labels = np.frombuffer(text.encode(), np.uint8)[None]
    logits = RANDOM.normal(size=(1, labels.size, 256)).astype("float32")
    of_bytes, of_characters = BitsPerCharacter(utf_8=True), BitsPerCharacter()
    for metric in (of_bytes, of_characters):
        metric.update_state(labels, logits)
    ratio = float(of_bytes.result()) / float(of_characters.result())
    assert ratio == pytest.approx(len(text.encode()) / len(text), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_compiled_with_a_model_and_saved(kind, tmp_path):
    settings = {BitsPerCharacter: {"utf_8": True}}.get(kind, {})
    model = keras.Sequential([keras.Input((6, 3)), keras.layers.Identity()])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    metric = kind(ignore_class=2, **settings)
    model.compile("sgd", loss, weighted_metrics=[metric])
    data = {"x": LOGITS[0], "y": Y[0], "sample_weight": WEIGHTS[0]}
    values = model.evaluate(**data, verbose=0, return_dict=True)
    expected = KINDS[kind](np.average(NATS[0], weights=WEIGHTS[0] * (Y[0] != 2)))
    np.testing.assert_allclose(values[metric.name], expected, rtol=1e-5)
    copy = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert copy.get_config() == metric.get_config() and type(copy) is kind
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.evaluate(**data, verbose=0, return_dict=True) == values
    metric.reset_state()
    assert float(metric.result()) == KINDS[kind](0.0)


def test_the_likelihood_of_extreme_logits_is_exact():
    metric = NegativeLogLikelihood()
    metric.update_state([[1]], [[[1000.0, 0.0]]])
    assert float(metric.result()) == 1000.0
