"""Nearest class means, against the textbook."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import learners
from tests.learners import embedding_cases as cases
from tests.quick import quick_first, slow

DISTANCES = ("euclidean", "cosine")
both = pytest.mark.parametrize(
    "distance, batch_norm",
    [("euclidean", "transductive"), ("cosine", "support"), ("euclidean", "running")],
)


def textbook(learner, inputs, task, ways):
    """Probabilities of the queries of a task, in NumPy, by a model without batch normalisation."""
    embed = learner.model.predict
    support, queries = (
        embed(inputs[key][task], verbose=0).astype("float64") for key in ("support_x", "query_x")
    )
    labels = np.asarray(inputs["support_y"][task])
    means = np.stack([support[labels == n].mean(0) for n in range(ways)])
    if learner.distance == "euclidean":
        scores = -((queries[:, None] - means) ** 2).sum(-1)
    else:
        cosines = (queries @ means.T) / np.linalg.norm(means, axis=1)
        scores = 10.0 * cosines / np.linalg.norm(queries, axis=1, keepdims=True)
    return tf.nn.softmax(scores).numpy()


@pytest.mark.parametrize("distance", DISTANCES)
def test_it_is_the_textbook(distance, float64):
    learner = cases.compiled(learners.PrototypicalNetwork(cases.dense_body(), distance))
    inputs, _ = cases.episodes()
    probabilities = tf.nn.softmax(learner.predict(inputs, verbose=0)).numpy()
    for task in range(3):
        expected = textbook(learner, inputs, task, ways=3)
        np.testing.assert_allclose(probabilities[task], expected, rtol=1e-10)


@both
def test_gradient_equals_central_differences(distance, batch_norm, float64):
    learner = learners.PrototypicalNetwork(cases.body(), distance, batch_norm=batch_norm)
    cases.check_gradient(cases.compiled(learner))


@pytest.mark.parametrize("distance", quick_first(DISTANCES, ["euclidean"]))
def test_other_ways_and_shots_at_test(distance, tmp_path):
    cases.check_open_ways(learners.PrototypicalNetwork(cases.body(), distance), tmp_path)


@pytest.mark.parametrize(
    "distance, batch_norm",
    [slow("euclidean", "transductive"), ("cosine", "support"), slow("euclidean", "running")],
)
def test_the_adapted_model_predicts_the_same(distance, batch_norm, tmp_path):
    learner = learners.PrototypicalNetwork(cases.body(), distance, batch_norm=batch_norm)
    cases.check_adapted_model(learner, tmp_path)


def test_labels_may_be_rows():
    learner = cases.compiled(learners.PrototypicalNetwork(cases.body()))
    inputs, _ = cases.episodes()
    rows = {**inputs, "support_y": tf.one_hot(inputs["support_y"], 3)}
    np.testing.assert_allclose(
        learner.predict(rows, verbose=0), learner.predict(inputs, verbose=0), atol=1e-5
    )
    learner.compile("sgd", loss=keras.losses.CategoricalCrossentropy(from_logits=True))
    learner.fit(rows, rows["support_y"], verbose=0)


@pytest.mark.parametrize("distance", quick_first(DISTANCES, ["euclidean"]))
def test_a_class_without_support_examples_is_never_predicted(distance):
    cases.check_absent_class(learners.PrototypicalNetwork(cases.body(), distance, num_ways=4))


def test_running_statistics_are_those_of_a_task_while_fitting_and_stored_ones_after():
    learner = cases.compiled(
        learners.PrototypicalNetwork(cases.body(), batch_norm="running"),
        keras.optimizers.SGD(0.0),  # statistics move, weights do not
    )
    inputs, y = cases.episodes()
    (norm,) = learner.functional.batch_normalizations
    before = learner(inputs)
    learner.train_step((inputs, y))
    together = np.concatenate([inputs["support_x"], inputs["query_x"]], 1)
    outputs = np.stack([learner.model.layers[0](x) for x in together])
    mean = 0.01 * outputs.mean((1, 2, 3)).mean(0)
    variance = 0.99 + 0.01 * outputs.var((1, 2, 3)).mean(0)
    np.testing.assert_allclose(norm.moving_mean, mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(norm.moving_variance, variance, rtol=1e-5)
    after = learner(inputs)
    assert np.abs(after - before).max() > 1e-4
    # Each query is predicted on its own.
    first = {**inputs, "query_x": inputs["query_x"][:, :1]}
    np.testing.assert_allclose(learner(first), after[:, :1], atol=1e-5)


def test_bad_arguments():
    with pytest.raises(ValueError, match="`distance` must be one of"):
        learners.PrototypicalNetwork(cases.body(), "manhattan")
    with pytest.raises(ValueError, match="must embed an example as a vector"):
        learners.PrototypicalNetwork(cases.map_body())
    with pytest.raises(ValueError, match="`num_ways` must be an integer >= 2"):
        learners.PrototypicalNetwork(cases.body(), num_ways=1)
    with pytest.raises(ValueError, match="State `num_ways`, or use task_map='loop'"):
        learners.PrototypicalNetwork(cases.body(), task_map="vectorize").chosen_task_map()
    with pytest.raises(ValueError, match="`batch_norm` must be one of"):
        learners.PrototypicalNetwork(cases.body(), batch_norm="mine")


def test_a_learner_without_its_head_says_so():
    with pytest.raises(NotImplementedError, match="must define `fit_head`"):
        learners.EmbeddingLearner(cases.body()).fit_head(None, None)
