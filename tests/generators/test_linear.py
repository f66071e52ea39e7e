"""Learners that are linear in the embedding."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import generators
from keras_meta.heads.linear import NEVER
from tests.generators import task_embeddings
from tests.generators.task_embeddings import prepared, task_embedding

KINDS = {
    "logistic": (generators.LogisticRegression, "SparseCategoricalCrossentropy"),
    "svm": (generators.LinearSVM, "SparseCategoricalHinge"),
    "regression": (generators.LinearRegression, "MeanSquaredError"),
    "svr": (generators.LinearSVR, "EpsilonInsensitive"),
}
every_kind = pytest.mark.parametrize("name", KINDS)


@every_kind
def test_column_and_bias_of_an_output_are_its_generated_parameters(name):
    learner = prepared(KINDS[name][0]())
    embedding = task_embedding()
    kernel, bias = learner.generate(embedding)
    inputs = np.concatenate([embedding.outputs, np.tile(embedding.task, (3, 1))], axis=1)
    expected = task_embeddings.skip_network(learner.hypernetwork.network, inputs)
    np.testing.assert_allclose(kernel, expected[:, :-1].T, atol=1e-5)
    np.testing.assert_allclose(bias, expected[:, -1], atol=1e-5)


@every_kind
def test_the_head_does_what_predict_does(name):
    learner = prepared(KINDS[name][0]())
    weights = learner.generate(task_embedding())
    features = tf.constant(np.random.default_rng(1).normal(size=(7, 4)), tf.float32)
    expected = features @ weights[0] + weights[1]
    np.testing.assert_allclose(learner.predict(features, weights), expected, atol=1e-6)
    np.testing.assert_allclose(learner.head(weights)(features), expected, atol=1e-6)


@every_kind
def test_its_loss_and_its_configuration(name):
    cls, loss = KINDS[name]
    learner = cls(penalty=0.5, units=7)
    assert type(learner.loss).__name__ == loss
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(learner))
    assert type(copy) is cls and copy.get_config() == learner.get_config()
    weights = [tf.constant([[3.0], [4.0]]), tf.constant([10.0])]
    assert float(learner.regularization(weights)) == 12.5


def test_logits_and_margins_reach_the_losses():
    scores, labels = np.array([[2.0, 1.0, -1.0]], "float32"), np.array([1])
    cross_entropy = np.log(np.exp(scores).sum()) - scores[0, 1]
    loss = generators.LogisticRegression().loss(labels, scores)
    np.testing.assert_allclose(loss, cross_entropy, rtol=1e-6)
    assert float(generators.LinearSVR(epsilon=0.75).loss([[0.0]], [[1.0]])) == 0.25


def test_permuting_the_classes_permutes_the_outputs():
    learner, order = prepared(generators.LogisticRegression()), [2, 0, 1]
    embedding = task_embedding()
    kernel, bias = learner.generate(embedding)
    permuted = embedding._replace(outputs=tf.gather(embedding.outputs, order))
    other_kernel, other_bias = learner.generate(permuted)
    np.testing.assert_allclose(other_kernel, tf.gather(kernel, order, axis=1), atol=1e-6)
    np.testing.assert_allclose(other_bias, tf.gather(bias, order), atol=1e-6)


def test_a_class_without_examples_is_never_predicted():
    learner = prepared(generators.LinearSVM(num_ways=3))
    weights = learner.generate(task_embedding(present=[True, False, True]))
    assert float(weights[1][1]) == NEVER
    features = 100.0 * np.random.default_rng(1).normal(size=(50, 4)).astype("float32")
    classes = np.asarray(learner.predict(tf.constant(features), weights)).argmax(-1)
    assert set(classes) == {0, 2}


def test_classifiers_have_as_many_outputs_as_ways():
    for cls in (generators.LogisticRegression, generators.LinearSVM):
        assert cls().classifies and cls(num_ways=5).num_outputs == 5
        assert cls().num_outputs is None
    for cls in (generators.LinearRegression, generators.LinearSVR):
        assert not cls().classifies and cls().num_outputs is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: generators.LinearRegression(penalty=-1.0), "Received: penalty=-1.0"),
        (lambda: generators.LinearSVM(num_ways=1), "Received: num_ways=1"),
        (lambda: generators.LogisticRegression(num_ways=2.5), "Received: num_ways=2.5"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
