"""Support set and queries, each by its own statistics."""

import numpy as np
import pytest

from keras_meta.statistics import Transductive
from tests.statistics import normalized

POLICY = Transductive()


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("x", [normalized.X, normalized.QUERIES])
def test_whatever_is_predicted_is_normalised_by_itself(training, x):
    function = normalized.functional()
    for rule in (POLICY.support(training, len(x)), POLICY.queries({}, training)):
        found = normalized.run(function, x, rule).predictions
        expected = normalized.predictions(x, normalized.moments(x))
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_task_keeps_what_is_not_of_normalisation():
    function = normalized.functional()
    written = {0: "mean", 1: "variance", 2: "mean", 3: "variance", 4: "a counter"}
    kept = POLICY.keep(function, written, normalized.forbidden, size=3)
    assert kept == {"statistics": {4: "a counter"}}
    assert POLICY.own_state(kept, []) == {}


def test_nothing_moves_what_is_stored():
    assert POLICY.observed({0: "mean", 1: "variance"}) == {}


def test_what_it_says_of_itself():
    assert not POLICY.independent and not POLICY.needs_support_pass and not POLICY.joins_queries
