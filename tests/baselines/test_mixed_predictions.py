"""Probabilities are mixed, and a learner is a method."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta import learners, metrics
from keras_meta.baselines import (
    DynamicEvaluation,
    FineTuning,
    MixedPredictions,
    Ngram,
    OfLearner,
    SupportContext,
    choose,
)
from tests.baselines.language_tasks import LOSS, TASKS, data, recurrent


def test_the_mixture_of_all_settings():
    first = SupportContext(recurrent(), contexts=(0, 30))
    second = Ngram(TASKS.codec.size, orders=(1, 2, 3))
    mixed = MixedPredictions(first, second, weights=(0.3, 0.5))
    assert len(mixed.settings) == 2 * 2 * 3
    assert mixed.settings[4] == "0.3 (context 30) + 0.7 (order 2)"
    ((inputs, _),) = data()
    task = {key: value[0] for key, value in inputs.items()}
    found = mixed.predictions(task, None)
    one, two = (tf.nn.softmax(method.predictions(task, None)) for method in (first, second))
    expected = [a * p + (1 - a) * q for a in (0.3, 0.5) for p in one for q in two]
    np.testing.assert_allclose(tf.exp(found), expected, rtol=1e-4, atol=1e-7)


def test_a_learner_is_mixed_and_chosen():
    learner = learners.MAML(recurrent(), 0.1)
    learner.compile("sgd", LOSS)
    method = OfLearner(learner)
    values = method.task_values(data(), "bits_per_character")
    expected = metrics.task_values(learner, data(), "bits_per_character")
    np.testing.assert_allclose(values[:, 0], expected, rtol=1e-5)
    mixed = MixedPredictions(method, Ngram(TASKS.codec.size, (2, 3)))
    best, position = choose([method, mixed], data(), "bits_per_character")
    assert best is mixed  # neither alone is as good: the learner is not trained
    assert mixed.task_values(data(), "bits_per_character")[:, position].mean() < values.mean()


def test_methods_with_optimizers_are_mixed():
    fine_tuned = FineTuning(recurrent(), 0.01, steps=(0, 2))
    mixed = MixedPredictions(fine_tuned, Ngram(TASKS.codec.size, (2,)), weights=(0.5, 0.9))
    assert mixed.task_values(data(), "bits_per_character", LOSS).shape[1] == 2 * 2
    assert mixed.settings[3] == "0.9 (Adam, rate 0.01, 2 steps) + 0.1 (order 2)"
    dynamic = DynamicEvaluation(recurrent(), 0.1)
    mixed = MixedPredictions(dynamic, Ngram(TASKS.codec.size, (2,)), weights=(0.5,))
    assert mixed.task_values(data(), "bits_per_character", LOSS).shape[1] == 1


def test_weights_between_0_and_1():
    with pytest.raises(ValueError, match="`weights` must be between 0 and 1. Received"):
        MixedPredictions(Ngram(3), Ngram(3), weights=(0.5, 1.0))
