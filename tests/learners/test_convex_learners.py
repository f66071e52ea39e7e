"""Learners whose heads are in closed form, or at an optimum."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import learners, networks
from keras_meta.episodes import EpisodeSampler
from keras_meta.outer_loop.episode import Episode
from tests import finite_differences
from tests.learners.test_proto_maml import embedding, episodes

LEARNERS = {
    "ridge": learners.RidgeLearner,
    "logistic": learners.LogisticLearner,
    "svm": learners.SVMLearner,
}
every_learner = pytest.mark.parametrize("name", LEARNERS)


def compiled(name, **kwargs):
    keras.utils.set_random_seed(0)
    learner = LEARNERS[name](embedding(), **kwargs)
    learner.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return learner


def check_meta_gradient(learner, batch):
    function = tf.function(learner.meta_gradients, autograph=False)
    gradients, _ = function(Episode(*batch))
    variables = learner.trainable_variables
    assert all(g is not None for g in gradients)
    direction = finite_differences.random_direction(variables)
    expected = finite_differences.directional(
        lambda: tf.reduce_mean(function(Episode(*batch))[1][0]), variables, direction
    )
    np.testing.assert_allclose(
        finite_differences.dot(gradients, direction), expected, rtol=1e-5, atol=1e-8
    )


@every_learner
@pytest.mark.parametrize("task_map", ["loop", "vectorize"])
def test_meta_gradient_equals_central_differences(name, task_map, float64):
    check_meta_gradient(compiled(name, num_ways=3, task_map=task_map), episodes())


@every_learner
def test_ways_vary_and_absent_classes_are_never_predicted(name):
    learner = compiled(name)
    for ways in (2, 5):
        assert learner.predict(episodes(ways=ways)[0], verbose=0).shape == (3, 6, ways)
    predictions = compiled(name, num_ways=4).predict(episodes()[0], verbose=0)
    assert (predictions.argmax(-1) < 3).all()


def regression(num_values=2):
    learner = learners.RidgeLearner(embedding(), 0.1, num_values=num_values)
    learner.compile("sgd", "mse")
    inputs, _ = episodes()
    y = np.random.default_rng(0).normal(size=(2, 3, 6, num_values))
    y = tf.constant(y if num_values > 1 else y[..., 0], keras.config.floatx())
    return learner, ({**inputs, "support_y": y[0]}, y[1])


@pytest.mark.parametrize("num_values", [1, 2])
def test_ridge_regression_of_values(num_values, float64):
    learner, (inputs, y) = regression(num_values)
    check_meta_gradient(learner, (inputs, y))
    task = inputs["support_x"][0], inputs["support_y"][0], inputs["query_x"][0]
    mean, variance = learner.predict_with_variance(*task)
    np.testing.assert_allclose(mean, learner.predict(inputs, verbose=0)[0], atol=1e-12)
    assert variance.shape == (6, num_values) and (variance.numpy() > 0).all()


def test_ridge_with_a_learned_prior_in_the_units_of_the_target(float64):
    units = {"target_mean": 40.0, "target_scale": 5.0, "learned_prior": True}
    learner = learners.RidgeLearner(embedding(), 0.1, num_values=1, **units)
    plain = learners.RidgeLearner(learner.model, 0.1, num_values=1)
    for each in (learner, plain):
        each.compile("sgd", "mse")
    _, (inputs, y) = regression(num_values=1)
    # Without a prior and a constant, it is the learner of standardised values.
    learner.log_constant.assign(-100.0)
    task = inputs["support_x"][0], inputs["support_y"][0], inputs["query_x"][0]
    scaled = task[0], 40.0 + 5.0 * task[1], task[2]
    mean, variance = plain.predict_with_variance(*task)
    found = learner.predict_with_variance(*scaled)
    np.testing.assert_allclose(found[0], 40.0 + 5.0 * mean, rtol=1e-10)
    np.testing.assert_allclose(found[1], 25.0 * variance, rtol=1e-10)
    # Values that the prior explains leave the weights of the prior, without noise.
    weights = np.random.default_rng(0).normal(size=learner.prior.shape)
    learner.prior.assign(weights)
    learner.log_constant.assign(0.7)
    support, queries = (
        40.0 + 5.0 * learner.with_constant(learner.embed(x)).numpy() @ weights for x in task[::2]
    )
    found = learner.predict_with_variance(task[0], support, task[2])
    np.testing.assert_allclose(found[0], queries, rtol=1e-9)
    np.testing.assert_allclose(found[1], 0.0, atol=1e-12)
    check_meta_gradient(learner, (inputs, y))
    copy = type(learner).from_config(learner.get_config())
    assert copy.get_config() == learner.get_config()


def test_what_cannot_be_is_said():
    with pytest.raises(ValueError, match="are for regression.*Received: num_values=None"):
        learners.RidgeLearner(embedding(), learned_prior=True)
    with pytest.raises(ValueError, match="not both"):
        learners.RidgeLearner(embedding(), num_ways=3, num_values=1)
    with pytest.raises(ValueError, match="`penalty` must be a number > 0"):
        learners.SVMLearner(embedding(), penalty=0.0)
    inputs, _ = episodes()
    with pytest.raises(ValueError, match="state `num_values`"):
        compiled("ridge").predict_with_variance(
            inputs["support_x"][0], inputs["support_y"][0], inputs["query_x"][0]
        )


@pytest.mark.parametrize("kind", [learners.LogisticLearner, learners.SVMLearner])
def test_an_embedding_of_texts(kind):
    """Of texts, the graph does not know statically how many there are."""
    labels = np.repeat(["play", "stop"], 3)
    texts = np.array([f"{label} {number}" for number, label in enumerate(labels)], object)
    tasks = EpisodeSampler(texts, labels, 2, 1, 1)
    learner = kind(networks.text_embedding(texts, units=2))
    learner.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = learner.fit(tasks.as_dataset(2), steps_per_epoch=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
