"""Distributions of actions against closed forms, samples and numerical integrals."""

import math

import numpy as np
import pytest
import tensorflow as tf

from keras_meta.environments import Continuous, Discrete
from keras_meta.policy_gradients import Categorical, Gaussian, distributions

GAUSSIAN_OUTPUTS = tf.constant([[0.3, -1.2, 0.1, -0.6], [2.0, 0.5, -0.2, 0.4]], tf.float64)
OTHER_OUTPUTS = tf.constant([[0.1, -1.0, 0.0, -0.2], [1.6, 0.9, 0.1, 0.2]], tf.float64)
LOGITS = tf.constant([[0.2, -1.0, 0.7], [1.5, 0.0, -0.3]], tf.float64)
OTHER_LOGITS = tf.constant([[0.5, -0.6, 0.1], [0.9, 0.3, -1.0]], tf.float64)
PAIRS = {
    "gaussian": (Gaussian(2), GAUSSIAN_OUTPUTS, OTHER_OUTPUTS),
    "categorical": (Categorical(3), LOGITS, OTHER_LOGITS),
}


def density(x, mean, log_std):
    std = np.exp(log_std)
    return np.exp(-0.5 * ((x - mean) / std) ** 2) / (std * math.sqrt(2 * math.pi))


def uniform(shape, seed=0):
    return tf.constant(np.random.default_rng(seed).uniform(size=shape))


def test_log_densities_are_summed_over_the_numbers_of_an_action():
    actions = np.array([[0.0, -1.0], [1.0, 3.0]])
    mean, log_std = np.split(GAUSSIAN_OUTPUTS.numpy(), 2, -1)
    expected = np.log(density(actions, mean, log_std)).sum(-1)
    found = Gaussian(2).log_probability(GAUSSIAN_OUTPUTS, tf.constant(actions))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_log_probabilities_of_choices():
    p = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
    found = Categorical(3).log_probability(LOGITS, tf.constant([2, 0]))
    np.testing.assert_allclose(found, np.log([p[0, 2], p[1, 0]]), rtol=1e-12)


def test_gaussian_samples_have_the_moments():
    outputs = GAUSSIAN_OUTPUTS[0]
    count = 200_000
    drawn = Gaussian(2).sample(tf.tile(outputs[None], [count, 1]), uniform([count, 4])).numpy()
    z = (drawn - outputs[:2].numpy()) / np.exp(outputs[2:].numpy())
    bound = 5 / math.sqrt(count)
    assert np.abs(z.mean(0)).max() < bound
    assert np.abs((z**2).mean(0) - 1).max() < bound * math.sqrt(2)
    assert np.abs((z**3).mean(0)).max() < bound * math.sqrt(15)
    assert np.abs((z**4).mean(0) - 3).max() < bound * math.sqrt(96)
    assert abs((z[:, 0] * z[:, 1]).mean()) < bound


@pytest.mark.parametrize("noise", [0.0, 2.0**-24, 1 - 2.0**-24])
def test_gaussian_samples_are_finite_for_any_noise(noise):
    drawn = Gaussian(2).sample(tf.zeros([1, 4]), tf.fill([1, 4], noise))
    assert np.isfinite(drawn.numpy()).all()


def test_choices_have_their_frequencies():
    count = 100_000
    p = tf.nn.softmax(LOGITS[0]).numpy()
    drawn = Categorical(3).sample(tf.tile(LOGITS[:1], [count, 1]), uniform([count, 1])).numpy()
    assert drawn.dtype == np.int32
    frequencies = np.bincount(drawn, minlength=3) / count
    assert (np.abs(frequencies - p) < 5 * np.sqrt(p * (1 - p) / count)).all()


@pytest.mark.parametrize("noise", [0.0, 1 - 2.0**-24])
def test_a_choice_is_one_of_the_actions_for_any_noise(noise):
    logits = tf.random.stateless_normal([1000, 7], [0, 1])
    drawn = Categorical(7).sample(logits, tf.fill([1000, 1], noise)).numpy()
    assert drawn.min() >= 0 and drawn.max() <= 6


def test_modes():
    np.testing.assert_array_equal(Gaussian(2).mode(GAUSSIAN_OUTPUTS), GAUSSIAN_OUTPUTS[:, :2])
    np.testing.assert_array_equal(Categorical(3).mode(LOGITS), [2, 0])


def test_divergence_of_gaussians_is_the_integral():
    grid = np.linspace(-30, 30, 200_001)
    expected = np.zeros(2)
    for row in range(2):
        for i in range(2):
            old, new = (
                density(grid, x[row, i], x[row, 2 + i]) + 1e-300
                for x in (GAUSSIAN_OUTPUTS.numpy(), OTHER_OUTPUTS.numpy())
            )
            expected[row] += np.sum(old * np.log(old / new)) * (grid[1] - grid[0])
    found = Gaussian(2).divergence(GAUSSIAN_OUTPUTS, OTHER_OUTPUTS)
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_divergence_of_choices_is_the_sum():
    old, new = tf.nn.softmax(LOGITS).numpy(), tf.nn.softmax(OTHER_LOGITS).numpy()
    expected = (old * np.log(old / new)).sum(-1)
    np.testing.assert_allclose(
        Categorical(3).divergence(LOGITS, OTHER_LOGITS), expected, rtol=1e-12
    )


@pytest.mark.parametrize("name", PAIRS)
def test_a_divergence_from_itself_is_0(name):
    distribution, outputs, other = PAIRS[name]
    np.testing.assert_allclose(distribution.divergence(outputs, outputs), 0, atol=1e-15)
    assert (distribution.divergence(outputs, other).numpy() > 0.01).all()


def hessian(distribution, outputs):
    """Second derivative of the divergence where both distributions are the same."""
    with tf.GradientTape() as outer:
        outer.watch(outputs)
        with tf.GradientTape() as inner:
            inner.watch(outputs)
            value = distribution.divergence(tf.stop_gradient(outputs), outputs)
        first = inner.gradient(value, outputs)
    return outer.jacobian(first, outputs)


@pytest.mark.parametrize("name", PAIRS)
def test_the_metric_is_the_second_derivative_of_the_divergence(name):
    distribution, outputs, tangent = PAIRS[name]
    expected = tf.linalg.matvec(hessian(distribution, outputs[0]), tangent[0])
    found = distribution.metric(outputs, tangent)
    assert found.shape == outputs.shape
    np.testing.assert_allclose(found[0], expected, rtol=1e-10)


def test_deviations_do_not_fall_below_the_smallest():
    """There they do not follow the outputs, in the metric either."""
    distribution = Gaussian(1, min_log_std=-2.0)
    low, at = tf.constant([[0.0, -9.0]], tf.float64), tf.constant([[0.0, -2.0]], tf.float64)
    action = tf.constant([[0.1]], tf.float64)
    values = [distribution.log_probability(x, action).numpy() for x in (low, at)]
    np.testing.assert_array_equal(*values)
    tangent = tf.constant([[1.0, 1.0]], tf.float64)
    found = distribution.metric(low, tangent)
    np.testing.assert_allclose(found, [[math.exp(4), 0.0]])
    np.testing.assert_allclose(
        found[0], tf.linalg.matvec(hessian(distribution, low[0]), tangent[0]), rtol=1e-10
    )


def test_leading_axes_of_any_number():
    outputs = tf.zeros([2, 5, 3, 4])
    actions = Gaussian(2).sample(outputs, tf.fill([2, 5, 3, 4], 0.3))
    assert actions.shape == (2, 5, 3, 2)
    assert Gaussian(2).log_probability(outputs, actions).shape == (2, 5, 3)
    choices = Categorical(4).sample(outputs, tf.fill([2, 5, 3, 1], 0.3))
    assert Categorical(4).log_probability(outputs, choices).shape == (2, 5, 3)


def test_the_space_says_which_distribution():
    gaussian = distributions.of_space(Continuous(3), 6)
    assert isinstance(gaussian, Gaussian) and gaussian.size == 3 and not gaussian.is_discrete
    categorical = distributions.of_space(Discrete(4), 4)
    assert isinstance(categorical, Categorical) and categorical.is_discrete


@pytest.mark.parametrize(
    "space, outputs, message",
    [
        (Continuous(3), 3, "must have 6 outputs .*Continuous.*gaussian_policy.*with 3 outputs"),
        (Discrete(4), 2, "must have 4 outputs .*Discrete.*one logit for each action.*2 outputs"),
        ("box", 2, "must be `Continuous` or `Discrete`. Received: action_space='box'"),
    ],
    ids=str,
)
def test_outputs_that_do_not_fit_are_an_error(space, outputs, message):
    with pytest.raises(ValueError, match=message):
        distributions.of_space(space, outputs)
