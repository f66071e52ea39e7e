"""Running statistics for each number of inner steps."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import learners
from keras_meta.statistics import PerStep
from tests.statistics import normalized


class Learner:
    """What the policy asks of one."""

    observes_each_step = True
    inner_steps = 2

    def __init__(self, model):
        self.model = model


@pytest.fixture
def prepared():
    function = normalized.functional()
    policy = PerStep()
    policy.prepare(Learner(function.model))
    return policy, function


def test_there_is_a_row_for_each_number_of_steps(prepared):
    policy, function = prepared
    assert len(policy.variables) == 4 and not policy.trainable_variables
    for index, value in enumerate(normalized.STORED):
        np.testing.assert_array_equal(policy.followed(function, index).numpy(), [value] * 3)


def test_the_support_set_is_normalised_by_itself(prepared):
    policy, function = prepared
    for training in (False, True):
        found = normalized.run(function, normalized.X, policy.support(training, 3)).predictions
        expected = normalized.predictions(normalized.X, normalized.moments(normalized.X))
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_while_fitting_queries_are_normalised_by_themselves(prepared):
    policy, function = prepared
    kept = policy.keep(function, {9: "a counter"}, normalized.forbidden, 3, step=1, training=True)
    assert kept == {"statistics": {9: "a counter"}}
    found = normalized.run(function, normalized.QUERIES, policy.queries(kept, True)).predictions
    expected = normalized.predictions(normalized.QUERIES, normalized.moments(normalized.QUERIES))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("step, of_row", [(0, 0), (1, 1), (2, 2), (5, 2)])
def test_at_evaluation_by_those_of_the_step(prepared, step, of_row):
    policy, function = prepared
    rows = [np.random.default_rng(i).uniform(1.0, 2.0, (3, 2)) for i in range(4)]
    for index, values in enumerate(rows):
        policy.followed(function, index).assign(values)
    written = {0: tf.zeros(2), 9: tf.constant(4.0)}
    kept = policy.keep(function, written, normalized.forbidden, 3, step=step)["statistics"]
    assert float(kept.pop(9)) == 4.0
    of_step = [values[of_row] for values in rows]
    normalized.assert_statistics(kept, of_step)
    found = normalized.run(function, normalized.QUERIES, policy.queries({}, False), kept)
    expected = normalized.predictions(normalized.QUERIES, of_step)
    np.testing.assert_allclose(found.predictions, expected, atol=1e-5)


def test_each_row_follows_what_was_seen_after_its_number_of_steps(prepared):
    policy, function = prepared
    batches = [normalized.X, normalized.X[:2], normalized.QUERIES]
    passes = [normalized.run(function, x, policy.support(True, len(x))).state for x in batches]
    passes[1][9] = "a counter that not every pass has written"
    observed = policy.observed_by_step(passes)
    assert sorted(observed) == [0, 1, 2, 3]
    policy.follow(function, {index: x[None] for index, x in observed.items()})
    for index in range(4):
        seen = [normalized.moments(x)[index] for x in batches]
        expected = 0.9 * normalized.STORED[index] + 0.1 * np.stack(seen)
        np.testing.assert_allclose(
            policy.followed(function, index).numpy(), expected, rtol=1e-5, atol=1e-6
        )
    for before, after in zip(normalized.STORED, normalized.stored(function), strict=True):
        np.testing.assert_array_equal(after, before)  # the layers keep their own


def test_it_takes_a_learner_that_observes_every_step():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="use `MAMLPlusPlus`.*Received: .*'per_step' for MAML"):
        learners.MAML(model, batch_norm="per_step")
