"""The linear baseline against plain loops over ragged episodes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.environments.trajectories import Trajectories
from keras_meta.policy_gradients import LinearBaseline
from keras_meta.policy_gradients.advantages import powers, sum_discounted

TASKS, EPISODES, HORIZON = 2, 6, 5


def ragged(dtype="float64", lengths=None):
    """Episodes of different lengths, some of which are cut off."""
    generator = np.random.default_rng(0)
    default = [[5, 3, 1, 5, 2, 4], [1, 5, 5, 4, 3, 2]]
    lengths = np.array(default if lengths is None else lengths)
    mask = (np.arange(HORIZON) < lengths[..., None]).astype(dtype)
    shape = (TASKS, EPISODES, HORIZON)
    observations = generator.normal(size=[*shape, 2])
    last = generator.normal(size=[TASKS, EPISODES, 2])
    # As in a rollout, the last observation stands in padding.
    observations = np.where(mask[..., None] > 0, observations, last[:, :, None])
    return Trajectories(
        observations=tf.constant(observations, dtype),
        actions=tf.zeros(shape, "int32"),
        rewards=tf.constant(generator.normal(size=shape) * mask, dtype),
        mask=tf.constant(mask),
        terminated=tf.constant([[1, 0, 1, 0, 0, 1], [0, 1, 0, 1, 0, 1]], dtype),
        last_observations=tf.constant(last, dtype),
        outputs=None,
    )


def returns(rewards, discount):
    total, found = 0.0, np.zeros_like(rewards)
    for t in reversed(range(len(rewards))):
        found[t] = total = rewards[t] + discount * total
    return found


def features(observation, step):
    t = step / 100
    return np.concatenate([observation, observation**2, [t, t**2, t**3, 1]])


def ridge(x, y, regularization):
    """Weights for features `x`, which are penalised by their variance."""
    penalty = regularization * x.var(0) + 1e-9
    return np.linalg.solve(x.T @ x / len(x) + np.diag(penalty), x.T @ y / len(x))


def values_of(trajectories, task, discount, regularization=0.1, folds=5):
    """Values `[episodes][length + 1]`, each episode scored by those of other folds."""
    lengths = trajectories.mask.numpy()[task].sum(-1).astype(int)
    rows, targets = [], []
    for e, length in enumerate(lengths):
        seen = trajectories.observations.numpy()[task, e, :length]
        seen = [*seen, trajectories.last_observations.numpy()[task, e]]
        rows.append(np.array([features(np.clip(x, -10, 10), t) for t, x in enumerate(seen)]))
        targets.append(returns(trajectories.rewards.numpy()[task, e, :length], discount))
    found = []
    for e, row in enumerate(rows):
        others = [other for other in range(len(rows)) if other % folds != e % folds]
        x = np.concatenate([rows[other][:-1] for other in others])
        y = np.concatenate([targets[other] for other in others])
        found.append(row @ ridge(x, y, regularization))
    return found


def advantages_of(trajectories, task, discount, decay):
    found = np.zeros([EPISODES, HORIZON])
    for e, values in enumerate(values_of(trajectories, task, discount)):
        length, following = len(values) - 1, 0.0
        if trajectories.terminated.numpy()[task, e]:
            values = [*values[:-1], 0.0]
        for t in reversed(range(length)):
            reward = trajectories.rewards.numpy()[task, e, t]
            error = reward + discount * values[t + 1] - values[t]
            found[e, t] = following = error + discount * decay * following
    return found


@pytest.mark.parametrize("discount, decay", [(0.9, 0.7), (0.99, 1.0), (1.0, 0.0), (1.0, 1.0)])
def test_generalised_advantages_are_those_of_a_loop(discount, decay):
    trajectories = ragged()
    found = LinearBaseline(discount, decay, normalize=False, regularization=0.1)(trajectories)
    expected = [advantages_of(trajectories, task, discount, decay) for task in range(TASKS)]
    np.testing.assert_allclose(found.advantages, expected, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(found.rewards, trajectories.rewards)
    for task in range(TASKS):
        for e, values in enumerate(values_of(trajectories, task, discount)):
            length = len(values) - 1
            np.testing.assert_allclose(found.values[task, e, :length], values[:-1], rtol=1e-7)
            np.testing.assert_array_equal(found.values[task, e, length:], 0)


def test_an_episode_that_is_cut_off_would_go_on():
    """Only its own advantages know it, by the value of the last observation."""
    trajectories = ragged()
    baseline = LinearBaseline(0.9, 1.0, normalize=False, regularization=0.1)
    other = trajectories.terminated.numpy()
    other[0, 0] = 0.0
    ends, goes_on = (
        baseline(trajectories._replace(terminated=tf.constant(x))).advantages.numpy()
        for x in (trajectories.terminated.numpy(), other)
    )
    value = values_of(trajectories, 0, 0.9)[0][-1]
    np.testing.assert_allclose(
        goes_on[0, 0] - ends[0, 0], value * 0.9 ** np.arange(5, 0, -1), rtol=1e-6
    )
    ends[0, 0] = goes_on[0, 0]
    np.testing.assert_array_equal(ends, goes_on)


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_values_do_not_depend_on_the_fold_they_score(folds):
    trajectories = ragged()
    own = np.arange(EPISODES) % folds == 1
    changed = trajectories.rewards.numpy()
    changed[0, own] *= 3
    baseline = LinearBaseline(regularization=0.1, folds=folds)
    before, after = (
        baseline.values(x).numpy()
        for x in (trajectories, trajectories._replace(rewards=tf.constant(changed)))
    )
    np.testing.assert_allclose(before[0, own], after[0, own], rtol=1e-9)
    assert np.abs(before[0, ~own] - after[0, ~own]).min() > 1e-6
    np.testing.assert_array_equal(before[1], after[1])  # another task
    for e, values in enumerate(values_of(trajectories, 0, 0.99, folds=folds)):
        length = len(values) - 1
        np.testing.assert_allclose(before[0, e, : length + 1], values, rtol=1e-6)


def test_the_scale_of_observations_does_not_matter():
    """But for the clip of large ones."""
    trajectories = ragged()
    scaled = trajectories._replace(
        observations=0.1 * trajectories.observations,
        last_observations=0.1 * trajectories.last_observations,
    )
    baseline = LinearBaseline(normalize=False)
    first, second = (baseline(x).advantages for x in (trajectories, scaled))
    np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-4)


def test_normalised_advantages():
    trajectories = ragged()
    plain, scaled = (LinearBaseline(0.9, 0.7, normalize=x)(trajectories) for x in (False, True))
    mask = trajectories.mask.numpy() > 0
    for task in range(TASKS):
        chosen = scaled.advantages.numpy()[task][mask[task]]
        assert abs(chosen.mean()) < 1e-12 and chosen.std() == pytest.approx(1)
        original = plain.advantages.numpy()[task][mask[task]]
        mean, std = original.mean(), original.std()
        np.testing.assert_allclose(chosen, (original - mean) / std)
        np.testing.assert_allclose(scaled.rewards[task], plain.rewards[task] / std)
        values = np.where(mask[task], (plain.values[task] + mean) / std, 0)
        np.testing.assert_allclose(scaled.values[task], values)
    np.testing.assert_array_equal(scaled.advantages.numpy()[~mask], 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constant_observations(dtype):
    """Features that are proportional to each other."""
    trajectories = ragged(dtype)
    constant = trajectories._replace(
        observations=tf.ones_like(trajectories.observations),
        last_observations=tf.ones_like(trajectories.last_observations),
    )
    for x in LinearBaseline()(constant):
        assert x.dtype == dtype and np.isfinite(x.numpy()).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reward", [0.0, 1.0, -1e4])
def test_equal_rewards_are_not_scaled_up(reward, dtype):
    """Where each episode is one step, and all actions are worth the same."""
    trajectories = ragged(dtype, lengths=np.ones([TASKS, EPISODES]))
    trajectories = trajectories._replace(
        observations=tf.ones_like(trajectories.observations),
        rewards=reward * trajectories.mask,
        terminated=tf.ones_like(trajectories.terminated),
    )
    found = LinearBaseline()(trajectories)
    assert np.abs(found.advantages).max() <= 1e-5 * abs(reward)
    np.testing.assert_array_equal(found.rewards, trajectories.rewards)
    np.testing.assert_allclose(found.values, trajectories.rewards, rtol=1e-4)


def test_one_step_in_one_episode():
    lengths = np.zeros([TASKS, EPISODES])
    lengths[:, 0] = 1
    trajectories = ragged(lengths=lengths)
    for x in LinearBaseline()(trajectories):
        assert np.isfinite(x.numpy()).all()
        np.testing.assert_array_equal(x.numpy()[:, 1:], 0)


def test_large_observations_are_clipped():
    trajectories = ragged()
    large = trajectories._replace(observations=1e30 * trajectories.observations)
    assert np.isfinite(LinearBaseline()(large).advantages.numpy()).all()


def test_observations_of_any_shape():
    trajectories = ragged()
    shaped = trajectories._replace(
        observations=trajectories.observations[..., None],
        last_observations=trajectories.last_observations[..., None],
    )
    np.testing.assert_array_equal(
        LinearBaseline()(shaped).advantages, LinearBaseline()(trajectories).advantages
    )


def test_discounted_sums():
    values = tf.constant([[1.0, 2.0, 4.0]], tf.float64)
    np.testing.assert_allclose(sum_discounted(values, 0.5), [[3.0, 4.0, 4.0]])
    np.testing.assert_allclose(sum_discounted(values, 0.0), values)
    expected = [[1, 0, 0], [0.5, 1, 0], [0.25, 0.5, 1]]
    np.testing.assert_allclose(powers(values, 0.5), expected)


def test_it_is_saved():
    baseline = LinearBaseline(0.9, 0.8, False, 1e-3, folds=4)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(baseline))
    assert vars(copy) == vars(baseline)


@pytest.mark.parametrize(
    "name, value", [("discount", 1.5), ("decay", -0.1), ("regularization", 0.0), ("folds", 1)]
)
def test_arguments_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be .* Received: {name}={value}"):
        LinearBaseline(**{name: value})
