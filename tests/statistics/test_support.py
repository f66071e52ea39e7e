"""Support set and queries, both by the statistics of the support set."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.inner_loop.functional import FunctionalModel
from keras_meta.statistics import Support
from tests.statistics import normalized

POLICY = Support()


def support_pass(function):
    return normalized.run(function, normalized.X, POLICY.support(False, 3)).state


@pytest.mark.parametrize("training", [False, True])
def test_queries_are_normalised_by_the_support_set_each_on_its_own(training):
    function = normalized.functional()
    # What the inner steps have written is of weights that have changed since.
    earlier = {index: tf.constant([7.0, 7.0]) for index in range(4)}
    kept = POLICY.keep(function, earlier, lambda: support_pass(function), size=3)
    normalized.assert_statistics(kept["statistics"], normalized.moments(normalized.X))
    rule = POLICY.queries(kept, training)
    found = normalized.run(function, normalized.QUERIES, rule, kept["statistics"])
    expected = normalized.predictions(normalized.QUERIES, normalized.moments(normalized.X))
    np.testing.assert_allclose(found.predictions, expected, atol=1e-5)
    alone = normalized.run(function, normalized.QUERIES[:1], rule, kept["statistics"])
    np.testing.assert_allclose(alone.predictions, expected[:1], atol=1e-5)


def test_a_model_without_normalisation_takes_no_pass():
    function = FunctionalModel(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    assert POLICY.keep(function, {"x": 1}, normalized.forbidden, 3) == {"statistics": {"x": 1}}


def test_nothing_moves_what_is_stored():
    assert POLICY.observed({0: "mean", 1: "variance"}) == {}


def test_what_it_says_of_itself():
    assert POLICY.needs_support_pass and not POLICY.joins_queries
