"""Outer rules that take steps of the compiled optimizer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.policy_gradients import PPO, OuterRule, PolicyGradient
from tests.policy_gradients import policies
from tests.policy_gradients.quadratic import MATRIX, MINIMUM, Quadratic


def test_clipped_objective():
    ratio = np.array([0.5, 0.9, 1.0, 1.1, 1.5] * 2)
    advantages = np.array([2.0] * 5 + [-3.0] * 5)
    expected = [
        # A positive advantage has no use for more than 1.2, a negative one none for less than 0.8.
        *(2 * x for x in (0.5, 0.9, 1.0, 1.1, 1.2)),
        *(-3 * x for x in (0.8, 0.9, 1.0, 1.1, 1.5)),
    ]
    found = PPO(clip_ratio=0.2).objective(tf.constant(ratio), tf.constant(advantages))
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(PolicyGradient().objective(ratio, advantages), ratio * advantages)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")  # Keras, of the third variable
@pytest.mark.parametrize("in_graph", [False, True])
@pytest.mark.parametrize("rule, steps", [(PolicyGradient(), 1), (PPO(epochs=1), 1), (PPO(), 5)])
def test_steps_of_the_optimizer(rule, steps, in_graph):
    """Each with the gradient where the step before has led."""
    learner = Quadratic(keras.optimizers.SGD(0.1))
    learner.optimizer.build(learner.trainable_variables)
    start = expected = learner.numbers()
    for _ in range(steps):
        expected = expected - 0.1 * MATRIX @ (expected - MINIMUM)
    update = tf.function(rule.update) if in_graph else rule.update
    outcome = update(learner, None)
    np.testing.assert_allclose(learner.numbers(), expected, rtol=1e-6)
    assert int(learner.optimizer.iterations) == steps
    # The loss reported is that before the first step.
    np.testing.assert_allclose(np.mean(outcome.loss), learner.loss(start), rtol=1e-12)
    np.testing.assert_array_equal(learner.other.numpy(), [5.0])


@pytest.mark.parametrize("kind", policies.KINDS)
def test_a_policy_gradient_step_is_that_with_the_meta_gradients(kind, float64):
    learner = policies.make(kind, outer_rule=PolicyGradient())
    tasks = learner.environment.sample(0, 2)
    gradients, _ = learner.meta_gradients(tasks)
    before = policies.values(learner)
    learner.outer_update(tasks)
    for value, gradient, variable in zip(
        before, gradients, learner.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(variable.numpy(), value - 0.1 * gradient, rtol=1e-7, atol=1e-9)


def test_the_first_step_of_ppo_is_a_policy_gradient_step(float64):
    """There, all ratios are 1."""
    steps = []
    for rule in (PolicyGradient(), PPO(epochs=1)):
        keras.utils.set_random_seed(1)
        learner = policies.make("gaussian", outer_rule=rule)
        learner.outer_update(learner.environment.sample(0, 2))
        steps.append(policies.values(learner))
    for x, y in zip(*steps, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-10)


def test_ppo_lowers_its_loss_until_ratios_are_clipped(float64):
    """With no end of steps, the objective does not rise beyond its limit."""
    rule = PPO(clip_ratio=0.05, epochs=40)
    learner = policies.make("categorical", outer_rule=rule)
    experience = policies.gathered(learner)
    before, _ = learner.evaluate_at(policies.values(learner), experience)
    tf.function(rule.update)(learner, experience)
    after, _ = learner.evaluate_at(policies.values(learner), experience)
    limit = 0.05 * float(tf.reduce_mean(tf.abs(experience.outer.advantages)))
    assert 0 < float(before - after) < limit


def test_rules_are_saved_and_check_their_arguments():
    for rule in (PPO(0.2, 3), PolicyGradient()):
        copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(rule))
        assert type(copy) is type(rule) and vars(copy) == vars(rule)
    with pytest.raises(ValueError, match="`clip_ratio` must be > 0. Received: clip_ratio=0"):
        PPO(0)
    with pytest.raises(ValueError, match="`epochs` must be an integer >= 1. Received: epochs=0"):
        PPO(epochs=0)
    with pytest.raises(NotImplementedError, match="OuterRule must define `update`"):
        OuterRule().update(None, None)
