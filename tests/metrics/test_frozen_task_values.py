"""Episodes of embedded examples give the values that episodes of examples give."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import episodes, learners, metrics
from tests.learners import embedding_cases as cases
from tests.learners.test_relation_network import relation_of_maps
from tests.quick import quick_first

LEARNERS = {
    "prototypes": lambda: learners.PrototypicalNetwork(cases.body(), batch_norm="running"),
    "without normalisation": lambda: learners.PrototypicalNetwork(cases.dense_body(), "cosine"),
    "matching": lambda: learners.MatchingNetwork(cases.body(), 2, batch_norm="running"),
    "relation": lambda: learners.RelationNetwork(
        cases.map_body(), relation_of_maps(), batch_norm="running"
    ),
    "baseline": lambda: learners.Baseline(cases.body(), inner_steps=5, num_ways=3),
}


def sampler():
    """Classes of different sizes, in bytes."""
    y = np.repeat(np.arange(5), [6, 9, 7, 8, 6])
    x = np.random.default_rng(0).integers(0, 255, (len(y), 4, 4, 1), "uint8")
    return episodes.EpisodeSampler(x, y, num_ways=3, num_shots=2, num_queries=3, seed=5)


def cross_entropy(y_true, y_pred):
    return keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)


@pytest.mark.parametrize("name", quick_first(LEARNERS, ["prototypes", "relation"]))
def test_equals_task_values(name):
    learner = cases.compiled(LEARNERS[name]())
    for layer in learner.functional.batch_normalizations:  # not those of a new model
        layer.moving_mean.assign(0.3 + tf.zeros_like(layer.moving_mean))
        layer.moving_variance.assign(2.0 * layer.moving_variance)
    expected = metrics.task_values(learner, sampler().as_dataset(5, num_batches=2), cross_entropy)
    values = metrics.frozen_task_values(
        learner, sampler(), num_tasks=10, metric=cross_entropy, batch_size=4
    )
    np.testing.assert_allclose(values, expected, atol=1e-5)


def test_a_second_call_traces_nothing(monkeypatch):
    learner = cases.compiled(LEARNERS["prototypes"]())
    tasks = sampler()
    first = metrics.frozen_task_values(learner, tasks, 10, batch_size=4)
    for name in ("embed", "learn_embedded"):
        monkeypatch.setattr(learner, name, lambda *args: pytest.fail("It is traced again."))
    np.testing.assert_array_equal(
        metrics.frozen_task_values(learner, tasks, 10, batch_size=4), first
    )


def test_calls_may_differ_in_batch_size_and_number_of_examples():
    learner = cases.compiled(LEARNERS["prototypes"]())
    first = metrics.frozen_task_values(learner, sampler(), 10, cross_entropy, batch_size=4)
    second = metrics.frozen_task_values(learner, sampler(), 10, cross_entropy, batch_size=7)
    np.testing.assert_allclose(second, first, atol=1e-6)
    tasks = sampler()
    fewer = episodes.EpisodeSampler(
        tasks.x[:30], tasks.y[:30], num_ways=3, num_shots=2, num_queries=3
    )
    found = metrics.frozen_task_values(learner, fewer, 10, cross_entropy, batch_size=3)
    expected = metrics.task_values(learner, fewer.as_dataset(10, num_batches=1), cross_entropy)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_an_embedding_that_depends_on_the_task_is_refused():
    learner = learners.PrototypicalNetwork(cases.body(), batch_norm="support")
    with pytest.raises(ValueError, match="depends on the other examples of its task"):
        metrics.frozen_task_values(learner, sampler(), 10)
    with pytest.raises(TypeError, match="must be an `EmbeddingLearner`"):
        metrics.frozen_task_values(learners.MAML(cases.dense_body()), sampler(), 10)
