"""Attention over support examples, against the textbook."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta import learners
from tests.learners import embedding_cases as cases
from tests.quick import slow

STEPS = (0, 2)
every_context = pytest.mark.parametrize("processing_steps", STEPS)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def lstm(weights, x, h, c):
    """One step of an LSTM, as Keras orders its gates."""
    kernel, recurrent, bias = (np.asarray(w) for w in weights)
    i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def textbook(learner, inputs, task):
    """Probabilities of the queries of a task, in NumPy, by a model without batch normalisation."""
    embed = learner.model.predict
    support, queries = (embed(inputs[key][task], verbose=0) for key in ("support_x", "query_x"))
    if learner.processing_steps:
        contexts = []
        for layer, step in (
            (learner.context.forward_layer, 1),
            (learner.context.backward_layer, -1),
        ):
            h = c = np.zeros(support.shape[1])
            outputs = []
            for x in support[::step]:
                h, c = lstm(layer.weights, x, h, c)
                outputs.append(h)
            contexts.append(np.stack(outputs)[::step])
        support = support + contexts[0] + contexts[1]
        h = c = np.zeros_like(queries)
        for _ in range(learner.processing_steps):
            read = softmax(h @ support.T) @ support
            x = np.concatenate([queries, read], -1)
            h, c = lstm(learner.scorer.cell.weights, x, h, c)
            h = h + queries
        queries = h
    cosines = (queries / np.linalg.norm(queries, axis=1, keepdims=True)) @ (
        support / np.linalg.norm(support, axis=1, keepdims=True)
    ).T
    return softmax(10.0 * cosines) @ np.eye(3)[np.asarray(inputs["support_y"][task])]


@every_context
def test_it_is_the_textbook(processing_steps, float64):
    learner = cases.compiled(learners.MatchingNetwork(cases.dense_body(), processing_steps))
    inputs, _ = cases.episodes()
    probabilities = np.exp(learner.predict(inputs, verbose=0))
    for task in range(3):
        np.testing.assert_allclose(
            probabilities[task], textbook(learner, inputs, task), rtol=1e-7, atol=1e-10
        )


@pytest.mark.parametrize(
    "processing_steps, batch_norm", [(0, "transductive"), (2, "transductive"), (2, "running")]
)
def test_gradient_equals_central_differences(processing_steps, batch_norm, float64):
    learner = learners.MatchingNetwork(cases.body(), processing_steps, batch_norm=batch_norm)
    cases.check_gradient(cases.compiled(learner))


@pytest.mark.slow
@pytest.mark.parametrize("processing_steps", [0, 2])
def test_other_ways_and_shots_at_test(processing_steps, tmp_path):
    cases.check_open_ways(learners.MatchingNetwork(cases.body(), processing_steps), tmp_path)


@pytest.mark.parametrize(
    "processing_steps, batch_norm",
    [slow(0, "transductive"), (2, "support"), slow(2, "running")],
)
def test_the_adapted_model_predicts_the_same(processing_steps, batch_norm, tmp_path):
    learner = learners.MatchingNetwork(cases.body(), processing_steps, batch_norm=batch_norm)
    cases.check_adapted_model(learner, tmp_path)


def test_a_class_without_support_examples_is_never_predicted():
    cases.check_absent_class(learners.MatchingNetwork(cases.body(), 1, num_ways=4))


def test_context_is_looped():
    def choose(steps, **kwargs):
        learner = learners.MatchingNetwork(cases.dense_body(), steps, num_ways=3, **kwargs)
        return learner.chosen_task_map()

    assert choose(0) == "vectorize" and choose(1) == "loop"
    with pytest.raises(ValueError, match="recurrence over the support set is not vectorised"):
        choose(1, task_map="vectorize")


def test_bad_arguments():
    with pytest.raises(ValueError, match="`processing_steps` must be an integer >= 0"):
        learners.MatchingNetwork(cases.body(), -1)


def test_examples_of_a_class_add_up():
    """Two copies of a support example count as one of twice the weight."""
    learner = cases.compiled(learners.MatchingNetwork(cases.dense_body(), num_ways=3))
    inputs, _ = cases.episodes(examples=3)
    twice = {
        **inputs,
        "support_x": tf.gather(inputs["support_x"], [0, 0, 1, 2], axis=1),
        "support_y": tf.gather(inputs["support_y"], [0, 0, 1, 2], axis=1),
    }
    once, more = (np.exp(learner.predict(x, verbose=0)) for x in (inputs, twice))
    weighted = once * [2.0, 1.0, 1.0]
    np.testing.assert_allclose(more, weighted / weighted.sum(-1, keepdims=True), rtol=1e-4)
