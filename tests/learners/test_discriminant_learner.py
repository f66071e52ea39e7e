"""Linear discriminant analysis, against the textbook."""

import numpy as np
import pytest
import tensorflow as tf

from keras_meta import learners
from tests.learners import embedding_cases as cases


def learner_of(model, shrinkage=0.3, scale=1.0, **kwargs):
    learner = learners.DiscriminantLearner(model, shrinkage, **kwargs)
    learner.log_scale.assign(np.log(scale))
    return cases.compiled(learner)


def textbook(learner, inputs, task, ways, shrinkage, scale):
    """Log-densities of Gaussian classes with one shrunk covariance, in NumPy."""
    support, queries = (
        learner.model.predict(inputs[key][task], verbose=0) for key in ("support_x", "query_x")
    )
    labels = np.asarray(inputs["support_y"][task])
    means = np.stack([support[labels == n].mean(0) for n in range(ways)])
    deviations = support - means[labels]
    covariance = deviations.T @ deviations / len(support)
    covariance = (1.0 - shrinkage) * covariance + shrinkage * np.eye(support.shape[1])
    differences = queries[:, None] - means
    distances = np.einsum("qwi,ij,qwj->qw", differences, np.linalg.inv(covariance), differences)
    return -0.5 * scale * distances


@pytest.mark.parametrize("examples", [6, 30])  # fewer and more than the embedding is long
@pytest.mark.parametrize("shrinkage", [0.01, 0.9])
def test_it_is_the_textbook(examples, shrinkage, float64):
    learner = learner_of(cases.dense_body(), shrinkage, scale=1.7)
    inputs, _ = cases.episodes(examples=examples)
    probabilities = tf.nn.softmax(learner.predict(inputs, verbose=0)).numpy()
    for task in range(3):
        expected = tf.nn.softmax(textbook(learner, inputs, task, 3, shrinkage, 1.7))
        np.testing.assert_allclose(probabilities[task], expected, rtol=1e-9)


def test_with_one_shot_it_is_a_prototypical_network(float64):
    body = cases.body()
    inputs, _ = cases.episodes(examples=3)
    expected = cases.compiled(learners.PrototypicalNetwork(body)).predict(inputs, verbose=0)
    found = learner_of(body, shrinkage=0.5).predict(inputs, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_direction_in_which_classes_scatter_counts_less(float64):
    learner = learner_of(cases.dense_body(), num_ways=2)
    generator = np.random.default_rng(0)
    labels = np.arange(40) % 2
    # The classes differ as much in both directions, and scatter in the first.
    features = labels[:, None] + generator.normal(size=(40, 2)) * [3.0, 0.1]
    kernel, _ = learner.fit_head(tf.constant(features), tf.one_hot(labels, 2, dtype=tf.float64))
    first, second = np.abs(kernel[:, 1] - kernel[:, 0])
    assert second > 3.0 * first


@pytest.mark.parametrize("options", [{}, {"num_ways": 3, "task_map": "vectorize"}])
def test_gradient_equals_central_differences(options, float64):
    body = cases.dense_body() if options else cases.body()
    cases.check_gradient(learner_of(body, batch_norm="support", **options))


def test_gradient_with_one_shot(float64):
    """Without any scatter, the shrinkage matters as a scale alone."""
    learner = learner_of(cases.dense_body(), num_ways=6)
    inputs, _ = cases.episodes(ways=6)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(learner(inputs)[..., 0])
    of_odds, of_scale = tape.gradient(loss, [learner.log_odds, learner.log_scale])
    # The scores are proportional to t (1 + exp(-log odds)).
    odds = float(tf.exp(learner.log_odds))
    np.testing.assert_allclose(of_odds, -float(of_scale) / (1.0 + odds), rtol=1e-10)


@pytest.mark.slow
def test_other_ways_and_shots_at_test(tmp_path):
    cases.check_open_ways(learners.DiscriminantLearner(cases.body()), tmp_path)


@pytest.mark.parametrize("batch_norm", ["transductive", "running"])
def test_the_adapted_model_predicts_the_same(batch_norm, tmp_path):
    learner = learners.DiscriminantLearner(cases.body(), batch_norm=batch_norm)
    cases.check_adapted_model(learner, tmp_path)


def test_a_class_without_support_examples_is_never_predicted():
    cases.check_absent_class(learners.DiscriminantLearner(cases.body(), num_ways=4))


def test_bad_arguments():
    with pytest.raises(ValueError, match="`shrinkage` must be a number > 0. Received: .*=0"):
        learners.DiscriminantLearner(cases.body(), shrinkage=0.0)
    with pytest.raises(ValueError, match="between 0, .* and 1, .* Received: shrinkage=1.0"):
        learners.DiscriminantLearner(cases.body(), shrinkage=1.0)
