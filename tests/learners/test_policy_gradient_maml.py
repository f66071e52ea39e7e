"""Policy gradient MAML: meta-gradients, forms, seeds and learning."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta import environments, learners
from keras_meta.inner_optimizers import SGD, Learned
from keras_meta.layers.context import CONTEXT
from keras_meta.networks import with_context
from keras_meta.policy_gradients import (
    PPO,
    TRPO,
    LinearBaseline,
    LoadedDiCE,
    LowVarianceCurvature,
    acting,
)
from tests.policy_gradients import policies
from tests.quick import quick_first, slow

# Surrogates that are a function of the weights, so that differences see all of their derivatives.
# The factors of the others are always 1, whatever the weights.
FUNCTIONS = ["log_likelihood", "e_maml", "low_variance_curvature"]


def difference(learner, experience, step=1e-5):
    """Claimed and measured derivative of the loss in a random direction."""
    direction = policies.direction(learner)
    claimed = policies.inner_product(learner.gradients_of(experience)[0], direction)
    higher, lower = (
        float(learner.evaluate_at(policies.moved(learner, direction, x), experience)[0])
        for x in (step, -step)
    )
    return claimed, (higher - lower) / (2 * step)


@pytest.mark.parametrize("kind", quick_first(policies.KINDS, ["gaussian"]))
@pytest.mark.parametrize("estimator", FUNCTIONS)
def test_meta_gradient_equals_central_differences(estimator, kind, float64):
    learner = policies.make(kind, estimator=estimator, inner_steps=2)
    claimed, measured = difference(learner, policies.gathered(learner))
    assert abs(claimed) > 1e-4
    assert claimed == pytest.approx(measured, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", policies.KINDS)
def test_loaded_dice_without_decay_is_low_variance_curvature(kind, float64):
    """Their derivatives are the same, as long as the weights are those that acted."""
    gradients = []
    for estimator in (LoadedDiCE(0.0), LowVarianceCurvature()):
        keras.utils.set_random_seed(1)
        learner = policies.make(kind, estimator=estimator)
        gradients.append(learner.gradients_of(policies.gathered(learner))[0])
    for x, y in zip(*gradients, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["dice", "loaded_dice"])
def test_estimators_that_differ_in_the_second_derivative(estimator, float64):
    """The meta-gradient is another one than MAML's, but the adapted weights are not."""
    gradients, outputs = [], []
    for name in ("log_likelihood", estimator):
        keras.utils.set_random_seed(1)
        learner = policies.make(estimator=name, baseline=LinearBaseline(0.99, normalize=False))
        experience = policies.gathered(learner)
        outputs.append(experience.outer.outputs)
        gradients.append(learner.gradients_of(experience)[0])
    if estimator == "loaded_dice":
        np.testing.assert_allclose(*outputs, rtol=1e-9)
    assert max(np.abs(x - y).max() for x, y in zip(*gradients, strict=True)) > 1e-4


@pytest.mark.parametrize("estimator", quick_first(["log_likelihood", "dice", "e_maml"], ["e_maml"]))
def test_tasks_in_a_loop_or_at_once(estimator, float64):
    gradients, returns = [], []
    for task_map in ("loop", "vectorize"):
        keras.utils.set_random_seed(1)
        learner = policies.make("gaussian", estimator=estimator, inner_steps=2, task_map=task_map)
        experience, outcome = acting.gather(
            learner, learner.environment.sample(0, 3), training=True
        )
        returns.append(outcome.predictions)
        gradients.append(learner.gradients_of(experience)[0])
    assert returns[0].shape == (3, 3)
    np.testing.assert_allclose(*returns, rtol=1e-9)
    for x, y in zip(*gradients, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-7, atol=1e-11)


def test_adapted_weights_are_those_of_the_inner_steps(float64):
    """One step by hand on the policy's own experience."""
    learner = policies.make(learning_rate=0.7)
    tasks = learner.environment.sample(0, 2)
    first, second = (stage.experience for stage in acting.stages(learner, tasks, 1, 0))
    model = learner.model
    for task in range(2):
        start = [variable.numpy() for variable in model.trainable_variables]
        with tf.GradientTape() as tape:
            log_p = tf.nn.log_softmax(model(tf.reshape(first.observations[task], [12, 3])))
            chosen = tf.gather(log_p, tf.reshape(first.actions[task], [12]), batch_dims=1)
            loss = -tf.reduce_mean(chosen * tf.reshape(first.advantages[task], [12]))
        gradients = tape.gradient(loss, model.trainable_weights)
        for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
            variable.assign_sub(0.7 * gradient)
        outputs = model(tf.reshape(second.observations[task], [12, 3]))
        np.testing.assert_allclose(tf.reshape(second.outputs[task], [12, 2]), outputs, rtol=1e-9)
        for variable, value in zip(model.trainable_variables, start, strict=True):
            variable.assign(value)


def test_first_order_leaves_out_the_inner_derivative(float64):
    """It is the gradient of the loss after adapting, at the adapted weights."""
    learner = policies.make(first_order=True)
    experience = policies.gathered(learner, 1)
    found = learner.gradients_of(experience)[0]
    task = tf.nest.map_structure(lambda x: x[0], experience)
    adapted = learner.inner_problem(task.inner).solve(1).weights
    with tf.GradientTape() as tape:
        tape.watch(adapted)
        log_p = learner.log_probabilities(adapted, task.outer)
        loss = -tf.reduce_mean(log_p * task.outer.advantages)
    for x, y in zip(found, tape.gradient(loss, adapted), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-8, atol=1e-12)
    learner.first_order = False
    second = learner.gradients_of(experience)[0]
    assert max(np.abs(x - y).max() for x, y in zip(found, second, strict=True)) > 1e-4


def test_each_inner_step_acts_anew():
    learner = policies.make("gaussian", learning_rate=0.0, inner_steps=2)
    found = learner.trajectories(learner.environment.sample(0, 1), 2)
    assert len(found) == 3
    for x, y in ((0, 1), (1, 2), (0, 2)):
        assert np.abs(found[x].actions - found[y].actions)[0, :, 0].min() > 0


def actions(learner, goals, outer_step=3, first_task=0):
    """Actions before and after an inner step, `[2, tasks, episodes, horizon, size]`."""
    found = acting.stages(learner, goals, 1, outer_step, first_task)
    return np.stack([stage.trajectories.actions for stage in found])


def test_episodes_depend_on_the_place_of_a_task_and_not_on_its_batch(float64):
    learner = policies.make("gaussian")
    goals = learner.environment.sample(0, 4)
    batch = actions(learner, goals)
    np.testing.assert_allclose(actions(learner, goals[:2]), batch[:, :2], rtol=1e-9)
    np.testing.assert_allclose(actions(learner, goals[2:], first_task=2), batch[:, 2:], rtol=1e-9)
    repeated = actions(learner, tf.tile(goals[:1], [4, 1]))
    assert np.abs(repeated[0, 0] - repeated[0, 1])[:, 0].min() > 0
    for other in ({"outer_step": 4}, {"first_task": 1}):
        assert not np.allclose(actions(learner, goals, **other)[0, 0], batch[0, 0])
    learner.seed = 1
    assert not np.allclose(actions(learner, goals)[0, 0], batch[0, 0])


def test_evaluation_is_reproducible_and_changes_nothing():
    learner = policies.make("gaussian", eval_inner_steps=2)
    data = learner.environment.as_dataset(batch_size=3, num_batches=1)
    before = policies.values(learner)
    first, second = (learner.evaluate(data, verbose=0, return_dict=True) for _ in range(2))
    assert first == second
    assert set(first) == {"loss", "return_0", "return_1", "return_2"}
    assert first["loss"] == pytest.approx(-first["return_2"])
    for x, y in zip(before, policies.values(learner), strict=True):
        np.testing.assert_array_equal(x, y)


def test_returns_are_sums_of_rewards_of_the_same_episodes():
    learner = policies.make("gaussian")
    tasks = learner.environment.sample(0, 3)
    returns = learner(tasks).numpy()
    for step, (episodes, _) in enumerate(acting.stages(learner, tasks, 1, 0)):
        expected = episodes.rewards.numpy().sum(-1).mean(-1)
        np.testing.assert_allclose(returns[:, step], expected, rtol=1e-5)


# Forms of MAML that are arguments.


@pytest.mark.slow
def test_a_head_alone_adapts(float64):
    """ANIL."""
    learner = policies.make(adapted_weights="head", inner_steps=1)
    assert len(learner.inner_weights.adapted) == 2
    claimed, measured = difference(learner, policies.gathered(learner))
    assert claimed == pytest.approx(measured, rel=1e-6)
    gradients = learner.gradients_of(policies.gathered(learner))[0]
    assert all(np.abs(x).max() > 0 for x in gradients)  # the body is learned all the same


@pytest.mark.parametrize(
    "estimator", quick_first(["log_likelihood", "low_variance_curvature"], ["log_likelihood"])
)
def test_learned_rates_of_each_parameter(estimator, float64):
    """Meta-SGD."""
    optimizer = SGD(Learned(0.5, per="parameter"))
    learner = policies.make(
        learning_rate=None, inner_optimizer=optimizer, estimator=estimator, inner_steps=2
    )
    assert len(learner.trainable_variables) > len(learner.model.trainable_variables)
    experience = policies.gathered(learner)
    claimed, measured = difference(learner, experience)
    assert claimed == pytest.approx(measured, rel=1e-6)
    rates = learner.trainable_variables[len(learner.model.trainable_variables) :]
    gradients = learner.gradients_of(experience)[0][-len(rates) :]
    assert all(np.abs(x).max() > 0 for x in gradients)


@pytest.mark.slow
def test_a_context_alone_adapts(float64):
    """CAVIA: the context starts at 0 in each task and is not learned."""
    policy, environment = policies.categorical()
    policy = with_context(policy, size=2)
    (context,) = [v for v in policy.trainable_variables if v.name == CONTEXT]
    learner = learners.PolicyGradientMAML(
        policy, environment, 1.0, num_episodes=4, adapted_weights="context"
    )
    learner.compile(keras.optimizers.SGD(0.1))
    assert not any(v is context for v in learner.trainable_variables)
    experience = policies.gathered(learner)
    claimed, measured = difference(learner, experience)
    assert claimed == pytest.approx(measured, rel=1e-6)
    task = tf.nest.map_structure(lambda x: x[0], experience)
    (adapted,) = learner.inner_problem(task.inner).solve(1).weights
    assert np.abs(adapted).min() > 0


@pytest.mark.parametrize("rule", [slow(TRPO()), PPO(epochs=2)], ids=lambda x: type(x).__name__)
def test_learned_rates_are_learned_by_each_rule(rule):
    optimizer = SGD(Learned(0.5, per="layer"))
    learner = policies.make(learning_rate=None, inner_optimizer=optimizer, outer_rule=rule)
    before = policies.values(learner)
    learner.train_step(learner.environment.sample(0, 2))
    assert all(
        np.abs(x - y).max() > 0 for x, y in zip(before, policies.values(learner), strict=True)
    )


# Learning.


@keras.saving.register_keras_serializable("tests")
class TwoArms(environments.BernoulliBandit):
    """One arm of two always pays, the other never."""

    def __init__(self, seed=0):
        super().__init__(num_arms=2, horizon=2, observe_last=False, seed=seed)

    def sample(self, first_task, num_tasks):
        best = self.uniform(first_task, num_tasks, ()) < 0.5
        return tf.one_hot(tf.cast(best, tf.int32), 2)


def test_fit_solves_two_arms():
    """Without the past, no policy gets more than 1 on average before adapting; after it, 2."""
    bandit = TwoArms()
    policy = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2, use_bias=False)])
    policy.layers[0].kernel.assign([[2.0, -2.0]])  # pulls one arm nearly always
    learner = learners.PolicyGradientMAML(
        policy,
        bandit,
        inner_optimizer=SGD(Learned(0.5)),
        num_episodes=20,
        outer_rule=PPO(epochs=3),
        task_map="vectorize",
    )
    learner.compile(keras.optimizers.Adam(0.1))
    unseen = TwoArms(seed=1).as_dataset(batch_size=40, num_batches=1)
    before = learner.evaluate(unseen, verbose=0, return_dict=True)
    history = learner.fit(
        bandit.as_dataset(batch_size=20), epochs=2, steps_per_epoch=20, verbose=0
    ).history
    after = learner.evaluate(unseen, verbose=0, return_dict=True)
    assert before["return_1"] < 1.4 and after["return_1"] > 1.8
    assert abs(after["return_0"] - 1) < 0.2
    assert history["return_1"][-1] > history["return_1"][0]


def test_outputs_that_do_not_fit_the_actions():
    policy = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="must have 4 outputs .* Received: a policy with 2"):
        learners.PolicyGradientMAML(policy, keras_meta.environments.Navigation())


@pytest.mark.parametrize(
    "name, value",
    [("num_episodes", 1), ("inner_steps", -1), ("estimator", "reinforce")],
)
def test_arguments_out_of_range(name, value):
    policy, environment = policies.categorical()
    with pytest.raises(ValueError, match=f"`{name}`.*Received: .*{value}"):
        learners.PolicyGradientMAML(policy, environment, **{name: value})
