import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import generators
from keras_meta.generators.task_encoder import TaskEmbedding


def task_embedding(outputs=3, size=5, present=None):
    generator = np.random.default_rng(0)
    present = [True] * outputs if present is None else present
    rows = tf.constant(generator.normal(size=(outputs, size)), tf.float32)
    return TaskEmbedding(tf.reduce_mean(rows, 0), rows, tf.constant(present))


def prepared(kind):
    kind.prepare(4, 5, keras.DTypePolicy("float32"))
    return kind


KINDS = {
    "logistic": (generators.LogisticRegression, "SparseCategoricalCrossentropy"),
    "svm": (generators.LinearSVM, "SparseCategoricalHinge"),
    "regression": (generators.LinearRegression, "MeanSquaredError"),
    "svr": (generators.LinearSVR, "EpsilonInsensitive"),
}
every_kind = pytest.mark.parametrize("name", KINDS)


@every_kind
def test_the_head_does_what_predict_does(name):
    kind = prepared(KINDS[name][0]())
    weights = kind.generate(task_embedding())
    features = tf.constant(np.random.default_rng(1).normal(size=(7, 4)), tf.float32)
    expected = features @ weights[0] + weights[1]
    np.testing.assert_allclose(kind.predict(features, weights), expected, atol=1e-6)
    np.testing.assert_allclose(kind.head(weights)(features), expected, atol=1e-6)


@every_kind
def test_its_loss_and_its_configuration(name):
    cls, loss = KINDS[name]
    kind = cls(penalty=0.5, units=7)
    assert type(kind.loss).__name__ == loss
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(kind))
    assert type(copy) is cls and copy.get_config() == kind.get_config()
    weights = [tf.constant([[3.0], [4.0]]), tf.constant([10.0])]
    assert float(kind.regularization(weights)) == 12.5


def test_classes_in_another_order_are_the_same_learner():
    kind, order = prepared(generators.LogisticRegression()), [2, 0, 1]
    given = task_embedding()
    kernel, bias = kind.generate(given)
    other = kind.generate(given._replace(outputs=tf.gather(given.outputs, order)))
    np.testing.assert_allclose(other[0], tf.gather(kernel, order, axis=1), atol=1e-6)
    np.testing.assert_allclose(other[1], tf.gather(bias, order), atol=1e-6)


def test_a_class_without_examples_is_never_predicted():
    kind = prepared(generators.LinearSVM(num_ways=3))
    weights = kind.generate(task_embedding(present=[True, False, True]))
    features = 100.0 * np.random.default_rng(1).normal(size=(50, 4)).astype("float32")
    classes = np.asarray(kind.predict(tf.constant(features), weights)).argmax(-1)
    assert set(classes) == {0, 2}


def test_labels():
    labels = tf.constant([0, 2, 1])
    targets, are_classes = generators.LogisticRegression().targets(labels)
    assert are_classes and targets.shape == (3, 3)
    targets, _ = generators.LogisticRegression(num_ways=5).targets(labels)
    assert targets.shape == (3, 5)
    targets, are_classes = generators.LogisticRegression(num_ways=3).targets(tf.eye(3))
    assert not are_classes and targets.shape == (3, 3)
    targets, are_classes = generators.LinearRegression().targets(labels)
    assert not are_classes and targets.shape == (3, 1)
    with pytest.raises(ValueError, match="does not fit the 5 outputs"):
        generators.LogisticRegression(num_ways=5).targets(tf.eye(3))


def test_a_kind_belongs_to_one_generator():
    kind = prepared(generators.LinearSVR())
    with pytest.raises(ValueError, match="belongs to one generator"):
        prepared(kind)


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
