"""The metrics that the adaptation curve, comparisons and baselines share."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.exact import private
from keras_meta.metrics import BitsPerCharacter
from keras_meta.metrics.task_metrics import (
    TaskMetric,
    accuracy,
    lower_is_better,
    metric_name,
    resolve_metric,
    squared_error,
)

GENERATOR = np.random.default_rng(0)
LOGITS = GENERATOR.normal(size=(3, 2, 4, 5)).astype("float32")  # steps, tasks, queries, ways
LABELS = GENERATOR.integers(0, 5, (2, 4))


def first(y_true, y_pred):
    """The first output, whatever is right."""
    return y_pred[..., 0]


def mean(values, inputs, axis, sample_weight=None, mask=None):
    """The mean over queries of given values."""
    values = tf.convert_to_tensor(values)
    if mask is not None:
        private.set_keras_mask(values, mask)
    metric = TaskMetric("given", lambda y_true, y_pred: y_pred)
    return metric.of_tasks(None, values, inputs, axis, sample_weight)


@pytest.mark.parametrize("labels", [LABELS, np.eye(5)[LABELS]], ids=["numbers", "one-hot"])
def test_accuracy(labels):
    found = accuracy(tf.constant(labels)[None], LOGITS)
    np.testing.assert_array_equal(found, LOGITS.argmax(-1) == LABELS)


def test_squared_error():
    target = np.array([1, 2], "int32")
    np.testing.assert_array_equal(squared_error(target, tf.constant([1.5, 0.0])), [0.25, 4.0])


def test_the_mean_over_queries():
    np.testing.assert_allclose(mean(LOGITS, {}, 2), LOGITS.mean((2, 3)), rtol=1e-5)
    np.testing.assert_allclose(mean(LOGITS[0], {}, 1), LOGITS[0].mean((1, 2)), rtol=1e-5)
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 0]])
    found = mean(LOGITS, {"query_mask": mask}, 2)
    expected = [LOGITS[:, t, : mask[t].sum()].mean((1, 2)) for t in range(2)]
    np.testing.assert_allclose(found, np.stack(expected, 1), rtol=1e-5)


@pytest.mark.parametrize("shape", [(2,), (2, 4), (2, 4, 5)])
def test_weights_of_tasks_of_queries_and_of_positions(shape):
    weight = GENERATOR.random(shape).astype("float32")
    full = np.broadcast_to(weight.reshape(shape + (1,) * (3 - len(shape))), (2, 4, 5))
    expected = (full * LOGITS).sum((2, 3)) / full.sum((1, 2))
    np.testing.assert_allclose(mean(LOGITS, {}, 2, weight), expected, rtol=1e-4)


def test_a_mask_of_predictions_is_left_out():
    mask = GENERATOR.random((3, 2, 4, 5)) < 0.5
    expected = np.where(mask, LOGITS, 0).sum((2, 3)) / mask.sum((2, 3))
    np.testing.assert_allclose(mean(LOGITS, {}, 2, mask=tf.constant(mask)), expected, rtol=1e-4)


def test_padding_may_hold_anything():
    values = tf.constant([[1.0, 3.0, np.nan], [np.inf, 5.0, 7.0]])
    mask = {"query_mask": tf.constant([[1, 1, 0], [0, 1, 1]])}
    np.testing.assert_array_equal(mean(values, mask, 1), [2.0, 6.0])


def test_metrics_by_name_as_functions_or_as_objects():
    assert resolve_metric("accuracy").values is accuracy
    assert resolve_metric("mse") == resolve_metric(squared_error)
    assert resolve_metric(first).values is first
    bits = BitsPerCharacter(name="bits")
    metrics = ["accuracy", "mse", squared_error, "perplexity", "bits_per_character", first, bits]
    assert [metric_name(m) for m in metrics] == [
        "accuracy",
        "mse",
        "mse",
        "perplexity",
        "bits_per_character",
        "first",
        "bits",
    ]
    errors = [lower_is_better(m) for m in metrics]
    assert errors == [False, True, True, True, True, False, True]
    for unknown in ("f1", keras.metrics.Mean()):
        with pytest.raises(ValueError, match="must be one of .* or a callable. Received"):
            resolve_metric(unknown)


def test_the_perplexity_of_a_task_is_that_of_its_mean():
    labels = tf.constant(LABELS)[None]
    bits = resolve_metric("bits_per_character").of_tasks(labels, tf.constant(LOGITS), {}, 2)
    perplexity = resolve_metric("perplexity").of_tasks(labels, tf.constant(LOGITS), {}, 2)
    np.testing.assert_allclose(perplexity, 2.0 ** bits.numpy(), rtol=1e-5)


def test_the_characters_of_a_task_are_the_denominator():
    text = np.frombuffer("né, ñu€".encode(), np.uint8).astype("int32")
    logits = tf.zeros((1, 1, len(text), 256))
    metric = resolve_metric(BitsPerCharacter(utf_8=True))
    found = metric.of_tasks(text[None, None], logits, {}, 1)
    np.testing.assert_allclose(found, [8 * len(text) / 7], rtol=1e-5)
