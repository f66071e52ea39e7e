"""Derivatives of surrogates in expectation, against those of the exact mean reward."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import environments, learners
from keras_meta.policy_gradients import (
    EMAML,
    DiCE,
    Estimator,
    LoadedDiCE,
    LogLikelihood,
    LowVarianceCurvature,
    PolicyGradient,
    estimators,
    outer_problem,
)
from keras_meta.policy_gradients.experience import MetaExperience
from tests.policy_gradients import enumerated
from tests.quick import quick_first, slow

HORIZON = 3
TAKEN = enumerated.trajectories(HORIZON)
BASELINE = np.array([[0.5, -2.0], [1.3, 0.1], [-0.7, 3.0]])
with_and_without_a_baseline = pytest.mark.parametrize(
    "baseline", [slow(None, id="no baseline"), pytest.param(BASELINE, id="baseline")]
)
UNBIASED = [LogLikelihood(), EMAML(), LowVarianceCurvature(), DiCE(1.0), LoadedDiCE()]


def expected(estimator, baseline=BASELINE, discount=1.0):
    """First and second derivative of the surrogate in expectation over one episode."""
    theta = enumerated.theta()
    seen = enumerated.experience(theta, TAKEN, baseline, discount)
    chances = enumerated.probabilities(theta, TAKEN)

    episodes = tf.nest.map_structure(lambda x: x[:, None], seen)

    @tf.function
    def mean(logits):
        log_p = enumerated.log_probabilities(logits, TAKEN)[:, None]
        values = tf.vectorized_map(lambda x: estimator.surrogate(*x), (log_p, episodes))
        return tf.reduce_sum(chances * values)

    return enumerated.derivatives(mean, theta)


def exact(discount=1.0):
    return enumerated.derivatives(
        lambda logits: enumerated.mean_reward(logits, TAKEN, discount), enumerated.theta()
    )


def score_products(weight, baseline=BASELINE):
    """`E[sum over steps u, v of weight(u, v) g_u g_v^T A_max(u, v)] / horizon`.

    `g_t` is the derivative of the log-probability of the action at step `t`.
    """
    theta = enumerated.theta()
    probabilities = tf.nn.softmax(theta).numpy()
    advantages = enumerated.experience(theta, TAKEN, baseline).advantages.numpy()
    chances = enumerated.probabilities(theta, TAKEN).numpy()
    total = np.zeros([4, 4])
    for n, chance in enumerate(chances):
        scores = np.zeros([HORIZON, 2, 2])
        for t in range(HORIZON):
            s, a = TAKEN.states[n, t], TAKEN.actions[n, t]
            scores[t, s] = TAKEN.mask[n, t] * (np.eye(2)[a] - probabilities[s])
        for u in range(HORIZON):
            for v in range(HORIZON):
                product = np.outer(scores[u].ravel(), scores[v].ravel())
                total += chance * weight(u, v) * product * advantages[n, max(u, v)]
    return total / HORIZON


def test_the_process_is_enumerated():
    assert enumerated.probabilities(enumerated.theta(), TAKEN).numpy().sum() == pytest.approx(1)
    assert 0 < (TAKEN.mask.sum(1) < HORIZON).sum() < len(TAKEN.mask)
    theta, step = enumerated.theta(), np.zeros([2, 2])
    step[0, 1] = 1e-5
    higher, lower = (enumerated.mean_reward(theta + x, TAKEN) for x in (step, -step))
    np.testing.assert_allclose(exact()[0][1], (higher - lower).numpy() / 2e-5, rtol=1e-8)


@pytest.mark.parametrize("estimator", UNBIASED, ids=lambda x: type(x).__name__)
@with_and_without_a_baseline
def test_first_derivative_is_unbiased(estimator, baseline):
    np.testing.assert_allclose(expected(estimator, baseline)[0], exact()[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("estimator", [DiCE(1.0), LoadedDiCE()], ids=lambda x: type(x).__name__)
@with_and_without_a_baseline
def test_second_derivative_is_unbiased(estimator, baseline):
    np.testing.assert_allclose(expected(estimator, baseline)[1], exact()[1], rtol=0, atol=1e-12)


def test_dice_has_the_derivatives_of_the_discounted_return():
    for found, right in zip(expected(DiCE(0.6), discount=0.6), exact(0.6), strict=True):
        np.testing.assert_allclose(found, right, rtol=0, atol=1e-12)
    assert np.abs(exact(0.6)[1] - exact()[1]).max() > 0.01


@pytest.mark.parametrize("estimator", [LogLikelihood(), EMAML()], ids=lambda x: type(x).__name__)
def test_log_likelihood_lacks_the_derivative_of_the_sampling(estimator):
    missing = score_products(lambda u, v: 1.0)
    assert np.abs(missing).max() > 0.01
    np.testing.assert_allclose(expected(estimator)[1] + missing, exact()[1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("decay", quick_first([0.0, 0.3, 0.9], [0.3]))
def test_loaded_dice_lacks_decayed_products_of_different_steps(decay):
    missing = score_products(lambda u, v: 1 - decay ** abs(u - v))
    assert np.abs(missing).max() > 1e-3
    found = expected(LoadedDiCE(decay))[1]
    np.testing.assert_allclose(found + missing, exact()[1], rtol=0, atol=1e-12)


def test_low_variance_curvature_lacks_products_of_different_steps():
    found = expected(LowVarianceCurvature())[1]
    missing = score_products(lambda u, v: float(u != v))
    np.testing.assert_allclose(found + missing, exact()[1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found, expected(LoadedDiCE(0.0))[1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("estimator", UNBIASED, ids=lambda x: type(x).__name__)
def test_steps_after_the_end_do_not_count(estimator):
    """Whatever stands in padding, apart from the mask."""
    theta = enumerated.theta()
    seen = enumerated.pick(enumerated.experience(theta, TAKEN, BASELINE), [0, 1])
    mask = tf.constant([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]], tf.float64)
    padding = 5 * (1 - mask)
    log_p = tf.fill([2, 3], tf.constant(-0.3, tf.float64))

    def derivative(padding):
        changed = seen._replace(
            mask=mask,
            rewards=seen.rewards * mask + padding,
            advantages=seen.advantages * mask + padding,
            values=seen.values * mask + padding,
            log_probabilities=log_p * mask,
        )
        with tf.GradientTape() as tape:
            tape.watch(log_p)
            value = estimator.surrogate(log_p * mask - padding, changed)
        return tape.gradient(value, log_p).numpy()

    np.testing.assert_array_equal(derivative(padding)[1, 1:], 0)
    np.testing.assert_allclose(derivative(padding), derivative(0 * padding), atol=1e-15)


def test_estimators_by_name():
    by_name = {
        "log_likelihood": LogLikelihood,
        "e_maml": EMAML,
        "low_variance_curvature": LowVarianceCurvature,
        "dice": DiCE,
        "loaded_dice": LoadedDiCE,
    }
    for name, kind in by_name.items():
        assert type(estimators.get(name)) is kind
    given = DiCE(0.5)
    assert estimators.get(given) is given
    with pytest.raises(ValueError, match="one of .*'e_maml'.* Received: estimator='reinforce'"):
        estimators.get("reinforce")


@pytest.mark.parametrize(
    "estimator",
    [EMAML(0.5), LoadedDiCE(0.7), DiCE(0.8), LogLikelihood()],
    ids=lambda x: type(x).__name__,
)
def test_estimators_are_saved(estimator):
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(estimator))
    assert type(copy) is type(estimator) and vars(copy) == vars(estimator)


def test_an_estimator_defines_its_surrogate():
    with pytest.raises(NotImplementedError, match="Estimator must define `surrogate`"):
        Estimator().surrogate(None, None)
    assert LoadedDiCE().credit(None, None) == 0


# The whole meta-gradient of one inner step.

RATE = 3.0
SHORT = enumerated.trajectories(2)


def adapted_mean_reward(theta, episodes):
    """`E[J(theta + rate dJ/dtheta (theta; episodes))]` over the episodes, by enumeration, in NumPy.

    The inner gradient is written out: `(e_a - p(s)) R_t` for each step, in row `s`.
    """

    def softmax(x):
        return np.exp(x) / np.exp(x).sum(-1, keepdims=True)

    def chances(logits):
        p = softmax(logits)[SHORT.states, SHORT.actions]
        return SHORT.chance * np.prod(np.where(SHORT.mask > 0, p, 1), 1)

    p = softmax(theta)
    following = np.cumsum(SHORT.rewards[:, ::-1], 1)[:, ::-1]
    gradients = np.zeros([len(SHORT.chance), 2, 2])
    for n, t in np.ndindex(*SHORT.states.shape):
        s, a = SHORT.states[n, t], SHORT.actions[n, t]
        gradients[n, s] += SHORT.mask[n, t] * (np.eye(2)[a] - p[s]) * following[n, t]
    total, of_one = 0.0, chances(theta)
    for chosen in enumerated.combinations(len(SHORT.chance), episodes):
        adapted = theta + RATE * gradients[chosen].sum(0) / (2 * episodes)
        after = (chances(adapted) * SHORT.rewards.sum(1)).sum() / 2
        total += np.prod(of_one[chosen]) * after
    return total


def expected_meta_gradient(estimator, theta, episodes):
    """The learner's meta-gradient, in expectation over all episodes before and after adapting."""
    layer = keras.layers.Dense(2, use_bias=False)
    policy = keras.Sequential([keras.Input((2,)), layer])
    layer.kernel.assign(theta)
    learner = learners.PolicyGradientMAML(
        policy,
        environments.TabularMDP(2, 2, horizon=2),
        RATE,
        estimator=estimator,
        outer_rule=PolicyGradient(),
        task_map="vectorize",
    )
    before = enumerated.combinations(len(SHORT.chance), episodes)
    chance = np.prod(enumerated.probabilities(theta, SHORT).numpy()[before], 1)
    inner = enumerated.pick(enumerated.experience(theta, SHORT), before)
    adapted = [learner.inner_problem([x]).solve(1).weights[0] for x in rows(inner)]
    # All pairs of episodes before and an episode after.
    number, after = np.indices([len(before), len(SHORT.chance)]).reshape(2, -1)
    taken = [enumerated.pick(SHORT, [n]) for n in after]
    pairs = [(adapted[i], one) for i, one in zip(number, taken, strict=True)]
    outer = [enumerated.experience(logits, one) for logits, one in pairs]
    outer = tf.nest.map_structure(lambda *x: tf.stack(x), *outer)
    after_chance = [enumerated.probabilities(logits, one)[0] for logits, one in pairs]
    # Any baseline that the episodes do not choose: here 0.4.
    gain = tf.reduce_mean(outer.rewards, [1, 2]) - 0.4
    batch = MetaExperience([enumerated.pick(inner, number)], outer, gain)

    def learn(task, seed):
        return (), outer_problem.learn(learner, task)

    @tf.function
    def gradient():
        with tf.GradientTape() as tape:
            tape.watch(layer.kernel.value)
            _, outcome = learner.map_tasks(learn, batch)
            loss = tf.reduce_sum(chance[number] * tf.stack(after_chance) * outcome.loss)
        return tape.gradient(loss, layer.kernel.value)

    return -gradient().numpy()


def rows(nest):
    """The entries of a batch, one by one."""
    count = len(tf.nest.flatten(nest)[0])
    return [tf.nest.map_structure(lambda x, n=n: x[n], nest) for n in range(count)]


def exact_meta_gradient(theta, episodes):
    gradient = np.zeros([2, 2])
    for index in np.ndindex(2, 2):
        step = np.zeros([2, 2])
        step[index] = 1e-5
        values = [adapted_mean_reward(theta + x, episodes) for x in (step, -step)]
        gradient[index] = (values[0] - values[1]) / 2e-5
    return gradient


@pytest.mark.parametrize("episodes", quick_first([1, 2], [1]))
def test_e_maml_has_the_whole_meta_gradient(episodes, float64):
    theta = enumerated.theta().numpy()
    exact = exact_meta_gradient(theta, episodes)
    found = expected_meta_gradient(EMAML(), enumerated.theta(), episodes)
    np.testing.assert_allclose(found, exact, rtol=1e-7, atol=1e-9)


def test_log_likelihood_gives_no_credit_for_exploring(float64):
    """It differs from the exact meta-gradient by E-MAML's credit, all of it."""
    theta = enumerated.theta()
    exact = exact_meta_gradient(theta.numpy(), 1)
    none, half = (expected_meta_gradient(x, theta, 1) for x in (LogLikelihood(), EMAML(0.5)))
    assert np.abs(exact - none).max() > 0.05 * np.abs(exact).max()
    np.testing.assert_allclose(none + 2 * (half - none), exact, rtol=1e-7, atol=1e-9)
