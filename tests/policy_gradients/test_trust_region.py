"""Trust regions: on a quadratic problem with a known answer, and on policies."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.policy_gradients import TRPO
from keras_meta.policy_gradients.trust_region import (
    conjugate_gradients,
    flatten,
    line_search,
    unflatten,
)
from tests.policy_gradients import policies
from tests.policy_gradients.quadratic import FISHER, MATRIX, MINIMUM, Quadratic
from tests.quick import quick_first, slow


@pytest.mark.parametrize("size", [1, 5])
def test_conjugate_gradients_solve(size):
    generator = np.random.default_rng(0)
    root = generator.normal(size=[size, size])
    matrix, b = root @ root.T + 0.1 * np.eye(size), generator.normal(size=size)
    x, _ = conjugate_gradients(lambda v: tf.linalg.matvec(matrix, v), tf.constant(b), 2 * size)
    np.testing.assert_allclose(x, np.linalg.solve(matrix, b), rtol=1e-6)


def test_conjugate_gradients_end_when_the_residual_vanishes():
    asked = []

    def product(v):
        asked.append(v)
        return 2 * v

    b = tf.constant([1.0, 2.0], tf.float64)
    np.testing.assert_allclose(conjugate_gradients(product, b, 10)[0], b / 2)
    assert len(asked) == 1
    np.testing.assert_array_equal(conjugate_gradients(product, 0 * b, 10)[0], [0, 0])
    assert len(asked) == 1


def test_one_step_of_conjugate_gradients_is_that_of_steepest_descent():
    b = np.array([1.0, -2.0, 0.3])
    x, rest = conjugate_gradients(lambda v: tf.linalg.matvec(FISHER, v), tf.constant(b), 1)
    np.testing.assert_allclose(rest, b - tf.linalg.matvec(FISHER, x), atol=1e-12)
    np.testing.assert_allclose(x, b * (b @ b) / (b @ FISHER @ b))


def test_line_search_takes_the_first_that_is_good():
    start, step = tf.constant([0.0], tf.float64), tf.constant([-8.0], tf.float64)
    found = line_search(lambda x: x[0] < 3.0, start, step, 0.5, 10)
    np.testing.assert_allclose(found, [2.0])
    found = line_search(lambda x: x[0] < 9.0, start, step, 0.5, 10)
    np.testing.assert_allclose(found, [8.0])
    np.testing.assert_allclose(line_search(lambda x: x[0] < 0, start, step, 0.5, 10), [0.0])
    np.testing.assert_allclose(line_search(lambda x: x[0] < 3, start, step, 0.5, 2), [0.0])


def test_vectors_and_lists():
    tensors = [tf.constant([[1.0, 2.0]]), tf.constant(3.0), tf.zeros([0]), tf.constant([4.0])]
    vector = flatten(tensors)
    np.testing.assert_array_equal(vector, [1, 2, 3, 4])
    for x, y in zip(unflatten(vector, [x.shape for x in tensors]), tensors, strict=True):
        np.testing.assert_array_equal(x, y)


def natural_step(learner, rule):
    gradient = MATRIX @ (learner.numbers() - MINIMUM)
    x = np.linalg.solve(FISHER + rule.damping * np.eye(3), gradient)
    return np.sqrt(2 * rule.max_divergence / (x @ FISHER @ x)) * x


def test_the_whole_step_on_a_quadratic_problem():
    learner, rule = Quadratic(), TRPO(max_divergence=0.01, damping=0.1)
    start, step = learner.numbers(), natural_step(learner, rule)
    outcome = rule.update(learner, None)
    assert outcome.loss.shape == (2,)
    # The divergence, which is quadratic, is at the limit but for rounding.
    moved = start - learner.numbers()
    tries = np.log(np.linalg.norm(moved) / np.linalg.norm(step)) / np.log(rule.shrinkage)
    assert round(tries) in (0, 1)
    np.testing.assert_allclose(moved, rule.shrinkage ** round(tries) * step, rtol=1e-7)
    assert moved @ FISHER @ moved / 2 <= rule.max_divergence
    np.testing.assert_array_equal(learner.other.numpy(), [5.0])
    assert int(learner.optimizer.iterations) == 1


class Doubled(Quadratic):
    """The divergence is twice what the Fisher information says."""

    def divergence(self, old, new):
        return 2 * super().divergence(old, new)


def test_the_limit_of_divergence_is_checked():
    learner, rule = Doubled(), TRPO(shrinkage=0.8)
    start, step = learner.numbers(), natural_step(learner, rule)
    rule.update(learner, None)
    # 0.8^2 > 1/2, which is the share that the squared length must fall to; 0.8^4 is not.
    np.testing.assert_allclose(start - learner.numbers(), 0.8**2 * step, rtol=1e-7)


class Overshooting(Quadratic):
    """The divergence says nothing, and the loss alone limits the step."""

    def divergence(self, old, new):
        return tf.zeros([], tf.float64)


def test_the_improvement_is_checked():
    learner, rule = Overshooting(), TRPO(max_divergence=1e3, shrinkage=0.5)
    start, step = learner.numbers(), natural_step(learner, rule)
    before = learner.loss(start)
    losses = [float(learner.loss(start - 0.5**j * step)) for j in range(15)]
    j = next(j for j, loss in enumerate(losses) if loss < before)
    assert j > 1
    rule.update(learner, None)
    np.testing.assert_allclose(start - learner.numbers(), 0.5**j * step, rtol=1e-7)


class Undefined(Quadratic):
    """Losses at other weights are not numbers."""

    def evaluate_at(self, values, experience):
        return tf.constant(np.nan, tf.float64), tf.constant(0.0, tf.float64)


class Level(Quadratic):
    """There is no gradient."""

    def gradients_of(self, experience):
        gradients, outcome = super().gradients_of(experience)
        return [None if g is None else 0 * g for g in gradients], outcome


class TooFar(Quadratic):
    """Every step is beyond the limit."""

    def divergence(self, old, new):
        return tf.constant(1.0, tf.float64)


@pytest.mark.parametrize("kind", [Undefined, Level, TooFar])
def test_weights_stay_if_no_step_is_good(kind):
    learner = kind()
    start = [variable.numpy() for variable in learner.trainable_variables]
    TRPO().update(learner, None)
    for variable, value in zip(learner.trainable_variables, start, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert int(learner.optimizer.iterations) == 1


@pytest.mark.parametrize("kind", quick_first(policies.KINDS, ["gaussian"]))
@pytest.mark.parametrize("first_order", quick_first([False, True], [False]))
def test_fisher_product_is_that_of_the_second_derivative_of_the_divergence(
    kind, first_order, float64
):
    learner = policies.make(kind, inner_steps=1, task_map="loop", first_order=first_order)
    experience = policies.gathered(learner)
    if kind == "gaussian":
        assert float(tf.reduce_min(tf.reduce_sum(experience.outer.mask, -1))) < 3
    tangent = policies.direction(learner)
    product = learner.fisher_product(experience, tangent)
    learner.task_map = "vectorize"
    for x, y in zip(product, learner.fisher_product(experience, tangent), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-14)
    learner.task_map = "loop"
    values = policies.values(learner)
    with tf.GradientTape() as outer:
        outer.watch(values)
        with tf.GradientTape() as inner:
            inner.watch(values)
            divergence = learner.evaluate_at(values, experience)[1]
        gradients = inner.gradient(divergence, values)
        along = tf.add_n([tf.reduce_sum(g * t) for g, t in zip(gradients, tangent, strict=True)])
    expected = outer.gradient(along, values)
    assert float(divergence) == pytest.approx(0, abs=1e-14)
    assert max(np.abs(x).max() for x in expected) > 1e-3
    for x, y in zip(product, expected, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("kind, task_map", [("categorical", "loop"), slow("gaussian", "vectorize")])
def test_a_step_lowers_the_loss_within_the_limit(kind, task_map, float64):
    limit = 1e-4  # so small that the divergence is nearly quadratic: it is used up in few tries
    learner = policies.make(kind, outer_rule=TRPO(limit, damping=0.01), task_map=task_map)
    experience = policies.gathered(learner, 3)
    before, divergence = learner.evaluate_at(policies.values(learner), experience)
    assert float(divergence) == pytest.approx(0, abs=1e-12)
    outcome = tf.function(learner.outer_rule.update)(learner, experience)
    assert float(tf.reduce_mean(outcome.loss)) == pytest.approx(float(before))
    after, divergence = learner.evaluate_at(policies.values(learner), experience)
    assert float(after) < float(before)
    assert 0.8**6 * limit < float(divergence) <= limit


def test_it_is_saved_and_checks_its_arguments():
    rule = TRPO(0.02, 7, 1e-3, 0.5, 9)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(rule))
    assert vars(copy) == vars(rule)
    with pytest.raises(ValueError, match="`max_divergence` must be > 0. Received: .*=0"):
        TRPO(0)
    with pytest.raises(ValueError, match="`shrinkage` must be between 0 and 1. Received: .*=1"):
        TRPO(shrinkage=1)
