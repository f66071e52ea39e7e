"""Calibration and likelihood, against NumPy."""

import keras
import numpy as np
import pytest

from keras_meta.metrics import ExpectedCalibrationError, NegativeLogLikelihood


def data():
    generator = np.random.default_rng(0)
    logits = 2 * generator.normal(size=(4, 10, 3)).astype("float32")
    return generator.integers(0, 3, (4, 10)), logits, generator.integers(0, 3, (4, 10)) / 2


def expected_ece(y, p, w, bins):
    y, p, w = y.ravel(), p.reshape(-1, p.shape[-1]), w.ravel()
    confidence, right, total = p.max(-1), p.argmax(-1) == y, 0.0
    for low in np.arange(bins) / bins:
        inside = (confidence > low) & (confidence <= low + 1 / bins)
        total += abs((w * (right - confidence))[inside].sum())
    return total / w.sum()


def expected_nll(y, p, w, bins):
    return -(w * np.log(np.take_along_axis(p, y[..., None], -1)[..., 0])).sum() / w.sum()


CASES = {
    "ece": (lambda **k: ExpectedCalibrationError(7, **k), expected_ece),
    "nll": (NegativeLogLikelihood, expected_nll),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_equals_numpy_over_batches_of_logits_or_probabilities(name, weighted):
    make, expected = CASES[name]
    y, logits, w = data()
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    value = expected(y, p, w if weighted else np.ones_like(w), 7)
    for from_logits, predictions in ((True, logits), (False, p)):
        for labels in (y, np.eye(3)[y], y[..., None]):
            metric = make(from_logits=from_logits)
            for part in (slice(0, 3), slice(3, 4)):
                weight = w[part] if weighted else None
                metric.update_state(labels[part], predictions[part], weight)
            np.testing.assert_allclose(metric.result(), value, rtol=1e-5)
    metric.reset_state()
    assert float(metric.result()) == 0.0


@pytest.mark.parametrize("name", CASES)
def test_a_weight_a_task(name):
    make, expected = CASES[name]
    y, logits, _ = data()
    w = np.array([0.0, 1.0, 2.0, 0.5])
    metric = make()
    metric.update_state(y, logits, w)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    value = expected(y, p, np.repeat(w[:, None], 10, 1), 7)
    np.testing.assert_allclose(metric.result(), value, rtol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_it_is_compiled_with_a_model_and_saved(name, tmp_path):
    make, expected = CASES[name]
    y, logits, w = data()
    model = keras.Sequential([keras.Input((10, 3)), keras.layers.Identity()])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=[make()], weighted_metrics=[make(name="weighted")])
    values = model.evaluate(logits, y, sample_weight=w, verbose=0, return_dict=True)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(values["weighted"], expected(y, p, w, 7), rtol=1e-5)
    np.testing.assert_allclose(values[make().name], expected(y, p, np.ones_like(w), 7), rtol=1e-5)
    copy = keras.metrics.deserialize(keras.metrics.serialize(make()))
    assert copy.get_config() == make().get_config() and type(copy) is type(make())
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.evaluate(logits, y, sample_weight=w, verbose=0, return_dict=True) == values


def test_bins_must_be_a_positive_number():
    with pytest.raises(ValueError, match="`num_bins` must be an integer >= 1"):
        ExpectedCalibrationError(num_bins=0)
