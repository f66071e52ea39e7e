"""The base class of generated learners: targets, defaults, and the hypernetwork of the outputs."""

import re

import numpy as np
import pytest
import tensorflow as tf

from keras_meta.generators.generated_learner import GeneratedLearner, OutputHypernetwork
from tests.generators import task_embeddings
from tests.generators.task_embeddings import SIZE, prepared, randomised, task_embedding


class Classifier(GeneratedLearner):
    classifies = True


class FiveOutputs(GeneratedLearner):
    num_outputs = 5


@pytest.mark.parametrize("labels", [[0, 2, 1], [[0], [2], [1]]])
def test_class_numbers_become_one_hot_labels(labels):
    targets, are_classes = Classifier().targets(tf.constant(labels))
    assert are_classes
    np.testing.assert_array_equal(targets, np.eye(3)[[0, 2, 1]])


def test_there_are_as_many_columns_as_outputs():
    learner = Classifier()
    learner.num_outputs = 5
    targets, _ = learner.targets(tf.constant([0, 2, 1]))
    np.testing.assert_array_equal(targets, np.eye(5)[[0, 2, 1]])


def test_rows_of_a_classifier_are_values():
    rows = tf.constant([[0.25, 0.75], [1.0, 0.0]])
    targets, are_classes = Classifier().targets(rows)
    assert not are_classes and targets is rows


def test_single_values_become_a_column():
    targets, are_classes = GeneratedLearner().targets(tf.constant([3.0, 4.0]))
    assert not are_classes
    np.testing.assert_array_equal(targets, [[3.0], [4.0]])


@pytest.mark.parametrize("shape", [(3,), (3, 4)])
def test_labels_that_do_not_fit_the_outputs(shape):
    message = f"the 5 outputs.*Received: .* with shape {re.escape(str(shape))}"
    with pytest.raises(ValueError, match=message):
        FiveOutputs().targets(tf.zeros(shape))
    assert FiveOutputs().targets(tf.zeros((3, 5)))[0].shape == (3, 5)


def test_it_belongs_to_one_generator():
    learner = prepared(GeneratedLearner(name="mine"))
    with pytest.raises(ValueError, match="belongs to one generator.*'mine', which is already in"):
        prepared(learner)


def test_a_subclass_must_generate():
    with pytest.raises(NotImplementedError, match="Classifier must define `generate`"):
        Classifier().generate(task_embedding())
    with pytest.raises(NotImplementedError, match="Classifier must define `predict`"):
        Classifier().predict(tf.zeros((1, 2)), [])


def test_parameters_of_an_output_depend_on_its_embedding_and_that_of_the_task():
    layer = OutputHypernetwork(size=7, units=6)
    layer.prepare(SIZE)
    randomised(layer)
    embedding = task_embedding(outputs=3)
    task = np.tile(embedding.task, (3, 1))
    expected = task_embeddings.skip_network(
        layer.network, np.concatenate([embedding.outputs, task], axis=1)
    )
    np.testing.assert_allclose(layer(embedding), expected, atol=1e-5)
