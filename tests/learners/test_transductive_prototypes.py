"""Prototypes whose queries are classified together."""

import keras
import numpy as np
import pytest

from keras_meta import layers, learners
from tests.learners import embedding_cases as cases
from tests.quick import quick_first

REFINEMENTS = ("soft_k_means", "laplacian")


@pytest.mark.parametrize("refinement", REFINEMENTS)
def test_training_is_that_of_prototypes_and_evaluation_is_not(refinement):
    body = cases.dense_body()
    together = cases.compiled(learners.TransductivePrototypes(body, refinement))
    alone = cases.compiled(learners.PrototypicalNetwork(body))
    inputs, y = cases.episodes()
    for training in (True, False):
        found, expected = (
            x.learn_tasks(x.unpack((inputs, y)), training).predictions for x in (together, alone)
        )
        assert np.allclose(found, expected, atol=1e-4) == training
    # Transductive: what a query is depends on the others.
    few = {**inputs, "query_x": inputs["query_x"][:, :2]}
    assert np.abs(together(few) - together(inputs)[:, :2]).max() > 1e-3


@pytest.mark.parametrize("refinement", quick_first(REFINEMENTS, ["laplacian"]))
def test_the_adapted_model_predicts_the_same(refinement, tmp_path):
    learner = learners.TransductivePrototypes(cases.body(), refinement, batch_norm="support")
    cases.check_adapted_model(learner, tmp_path)


@pytest.mark.parametrize("refinement", quick_first(REFINEMENTS, ["soft_k_means"]))
def test_other_ways_and_shots_at_test(refinement, tmp_path):
    cases.check_open_ways(learners.TransductivePrototypes(cases.body(), refinement), tmp_path)


def test_a_class_without_support_examples_is_never_predicted():
    cases.check_absent_class(learners.TransductivePrototypes(cases.body(), num_ways=4))


def test_settings_of_a_refinement_are_kept(tmp_path):
    refinement = layers.LaplacianScores(strength=0.25, neighbors=2, steps=4)
    learner = cases.compiled(learners.TransductivePrototypes(cases.dense_body(), refinement))
    inputs, _ = cases.episodes()
    expected = learner.predict(inputs, verbose=0)
    learner.save(tmp_path / "learner.keras")
    loaded = keras.models.load_model(tmp_path / "learner.keras")
    assert (loaded.scorer.strength, loaded.scorer.neighbors, loaded.scorer.steps) == (0.25, 2, 4)
    np.testing.assert_array_equal(loaded.predict(inputs, verbose=0), expected)
    with pytest.raises(ValueError, match="`refinement` must be one of"):
        learners.TransductivePrototypes(cases.dense_body(), "magic")
