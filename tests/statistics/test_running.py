"""The stored statistics, which fitting moves towards those of the queries."""

import numpy as np
import pytest

from keras_meta.statistics import Running
from tests.statistics import normalized

POLICY = Running()


@pytest.mark.parametrize("training", [False, True])
def test_everything_is_normalised_by_what_is_stored(training):
    function = normalized.functional()
    kept = POLICY.keep(function, {}, normalized.forbidden, size=3, training=training)
    assert kept == {"statistics": {}}
    for rule in (POLICY.support(training, 3), POLICY.queries(kept, training)):
        found = normalized.run(function, normalized.X, rule).predictions
        expected = normalized.predictions(normalized.X, normalized.STORED)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def seen(x):
    """What layers see of queries that are normalised by what is stored."""
    between = normalized.predictions(x, normalized.STORED[:2] + [0.0, 1.0 - normalized.EPSILON])
    return [x.mean(0), x.var(0), between.mean(0), between.var(0)]


def test_fitting_observes_the_queries_and_evaluation_nothing():
    function = normalized.functional()
    fitted = normalized.run(function, normalized.QUERIES, POLICY.queries({}, True)).state
    normalized.assert_statistics(POLICY.observed(fitted), seen(normalized.QUERIES))
    assert not normalized.run(function, normalized.QUERIES, POLICY.queries({}, False)).state
    assert not normalized.run(function, normalized.X, POLICY.support(True, 3)).state


def test_what_is_stored_follows_the_mean_over_tasks():
    function = normalized.functional(momentum=0.8)
    tasks = [
        POLICY.observed(normalized.run(function, x, POLICY.queries({}, True)).state)
        for x in (normalized.QUERIES, normalized.X)
    ]
    POLICY.follow(function, {i: np.stack([task[i] for task in tasks]) for i in range(4)})
    for found, before, *of_tasks in zip(
        normalized.stored(function),
        normalized.STORED,
        *map(seen, (normalized.QUERIES, normalized.X)),
        strict=True,
    ):
        np.testing.assert_allclose(found, 0.8 * before + 0.2 * np.mean(of_tasks, 0), rtol=1e-5)


def test_what_it_says_of_itself():
    assert POLICY.independent and POLICY.joins_queries and not POLICY.needs_support_pass
