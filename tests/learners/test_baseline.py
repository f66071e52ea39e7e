"""Classifiers fitted to frozen features, against gradient descent written out."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import learners
from keras_meta.outer_loop.episode import Episode
from tests.learners import embedding_cases as cases
from tests.quick import quick_first

BASELINES = {"linear": learners.Baseline, "cosine": learners.BaselinePlusPlus}
both = pytest.mark.parametrize("kind", BASELINES)
# Tests of code that both share: the linear one runs with the slow tests.
one = pytest.mark.parametrize("kind", quick_first(BASELINES, ["cosine"]))


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def linear_descent(x, y, steps, learning_rate, weight_decay):
    w, b = np.zeros((x.shape[1], y.shape[1])), np.zeros(y.shape[1])
    for _ in range(steps):
        errors = (softmax(x @ w + b) - y) / len(x)
        w = w - learning_rate * (x.T @ errors + weight_decay * w)
        b = b - learning_rate * errors.sum(0)
    return w, b


def cosine_descent(x, y, steps, learning_rate, weight_decay, scale):
    """For features of length 1. The derivative of `w / |w|` is `(1 - w w / |w|^2) / |w|`."""
    w = (x.T @ y) / y.sum(0)
    for _ in range(steps):
        length = np.linalg.norm(w, axis=0)
        unit = w / length
        errors = (softmax(scale * x @ unit) - y) / len(x)
        of_unit = scale * x.T @ errors
        of_w = (of_unit - unit * (unit * of_unit).sum(0)) / length
        w = w - learning_rate * (of_w + weight_decay * w)
    return scale * w / np.linalg.norm(w, axis=0)


def features(learner, inputs, key, task=0):
    return learner.model.predict(inputs[key][task], verbose=0)


def test_linear_head_is_that_of_gradient_descent(float64):
    learner = learners.Baseline(cases.dense_body(), 20, 0.3, weight_decay=0.1)
    inputs, _ = cases.episodes()
    y = np.eye(3)[np.asarray(inputs["support_y"][0])]
    w, b = linear_descent(features(learner, inputs, "support_x"), y, 20, 0.3, 0.1)
    expected = features(learner, inputs, "query_x") @ w + b
    np.testing.assert_allclose(learner(inputs)[0], expected, rtol=1e-9)


def test_cosine_head_is_that_of_gradient_descent(float64):
    learner = learners.BaselinePlusPlus(
        cases.dense_body(), scale=5.0, inner_steps=20, inner_learning_rate=0.3, weight_decay=0.1
    )
    inputs, _ = cases.episodes()
    support, queries = (features(learner, inputs, key) for key in ("support_x", "query_x"))
    support, queries = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (support, queries))
    y = np.eye(3)[np.asarray(inputs["support_y"][0])]
    expected = queries @ cosine_descent(support, y, 20, 0.3, 0.1, 5.0)
    np.testing.assert_allclose(learner(inputs)[0], expected, rtol=1e-9)


@both
def test_fit_follows_the_query_loss_with_the_head_held_constant(kind, float64):
    learner = cases.compiled(BASELINES[kind](cases.dense_body(), inner_steps=5))
    inputs, y = cases.episodes(tasks=1)
    gradients, _ = learner.meta_gradients(Episode(inputs, y))
    head = learner.adapt_task(inputs["support_x"][0], inputs["support_y"][0])["head"]
    with tf.GradientTape() as tape:
        x = learner.model(inputs["query_x"][0])
        if kind == "cosine":
            x = tf.nn.l2_normalize(x, -1)
        logits = x @ head[0] + head[1]
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y[0], logits))
    expected = tape.gradient(loss, learner.trainable_variables)
    for a, b in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-15)
    assert "first order" in str(learner.check((inputs, y)))


@one
def test_pretraining_trains_what_the_learner_embeds_with(kind):
    generator = np.random.default_rng(0)
    y = np.arange(60) % 6
    pattern = generator.normal(size=(6, 4, 4, 1))
    x = (pattern[y] + 0.1 * generator.normal(size=(60, 4, 4, 1))).astype("float32")
    learner = BASELINES[kind](cases.body(), inner_steps=20)
    model = learner.pretraining_model(num_classes=6)
    assert model.output_shape == (None, 6)
    model.compile(
        keras.optimizers.Adam(0.02),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    before = [v.numpy() for v in learner.model.variables]
    history = model.fit(x, y, epochs=30, verbose=0).history["accuracy"]
    assert history[-1] > 0.9
    assert all(np.any(a != b.numpy()) for a, b in zip(before, learner.model.variables, strict=True))
    if kind == "cosine":
        kernel = model.get_layer("classes").trainable_variables[0]
        np.testing.assert_allclose(np.linalg.norm(kernel.numpy(), axis=0), 1.0, atol=1e-5)
    support = x[:12][None], y[:12][None]
    predictions = learner({"support_x": support[0], "support_y": support[1], "query_x": x[None]})
    assert (np.argmax(predictions[0], -1) == y).mean() > 0.9


@pytest.mark.slow
@both
def test_other_ways_and_shots_at_test(kind, tmp_path):
    cases.check_open_ways(BASELINES[kind](cases.body(), inner_steps=3), tmp_path)


@one
def test_the_adapted_model_predicts_the_same(kind, tmp_path):
    cases.check_adapted_model(BASELINES[kind](cases.body(), inner_steps=3), tmp_path)


@one
def test_a_class_without_support_examples_is_never_predicted(kind):
    cases.check_absent_class(BASELINES[kind](cases.body(), inner_steps=3, num_ways=4))


def test_bad_arguments():
    with pytest.raises(ValueError, match="`inner_steps` must be an integer >= 0"):
        learners.Baseline(cases.body(), inner_steps=-1)
    with pytest.raises(ValueError, match="`inner_learning_rate` must be a finite number >= 0"):
        learners.Baseline(cases.body(), inner_learning_rate=-1.0)
    with pytest.raises(ValueError, match="`scale` must be a finite number >= 0"):
        learners.BaselinePlusPlus(cases.body(), scale=-1.0)
