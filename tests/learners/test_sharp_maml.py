"""Sharpness-aware inner and outer steps, by their definition."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import learners
from keras_meta.learners import sharp_maml
from keras_meta.outer_loop.episode import Episode
from tests import finite_differences
from tests.learners import embedding_cases as cases
from tests.quick import quick_first


def compiled(inner_radius, outer_radius, **kwargs):
    keras.utils.set_random_seed(0)
    radii = {"inner_radius": inner_radius, "outer_radius": outer_radius}
    return cases.compiled(learners.SharpMAML(cases.body(), 0.1, 2, **radii, **kwargs))


def values_of(variables):
    return [variable.numpy() for variable in variables]


def test_radii_of_zero_are_maml_to_the_last_bit():
    results = []
    for kind in (learners.MAML, learners.SharpMAML):
        keras.utils.set_random_seed(0)
        radii = {"inner_radius": 0.0, "outer_radius": 0.0} if kind is learners.SharpMAML else {}
        learner = cases.compiled(kind(cases.body(), 0.1, 2, **radii), "adam")
        learner.run_eagerly = True
        history = learner.fit(*cases.episodes(), batch_size=3, epochs=3, verbose=0).history
        results.append((history, values_of(learner.variables)))
    assert results[0][0] == results[1][0]
    for a, b in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("radius", [0.3, 3.0])
def test_inner_steps_by_hand(radius, float64):
    """Of a linear model; the perturbation is as long as the radius."""
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    learner = cases.compiled(learners.SharpMAML(model, 0.5, 2, inner_radius=radius))
    inputs, _ = cases.episodes(tasks=1)
    x, y = inputs["support_x"][0], inputs["support_y"][0]
    start = [tf.constant(v.value) for v in model.trainable_variables]

    def gradients(weights):
        with tf.GradientTape() as tape:
            tape.watch(weights)
            logits = tf.reshape(x, [6, 16]) @ weights[0] + weights[1]
            loss = learner.loss(y, logits)
        return tape.gradient(loss, weights)

    weights = start
    for _ in range(2):
        g = gradients(weights)
        norm = np.sqrt(sum(np.sum(np.square(a)) for a in g))
        nearby = [w + radius * a / norm for w, a in zip(weights, g, strict=True)]
        weights = [w - 0.5 * a for w, a in zip(weights, gradients(nearby), strict=True)]
    for found, expected in zip(learner.adapt_task(x, y)["weights"], weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("checkpoint_steps", quick_first([False, True], [False]))
def test_gradient_equals_central_differences(checkpoint_steps, float64, monkeypatch):
    """With the perturbations held, since they are constants to all derivatives."""
    learner = compiled(0.2, 0.0, checkpoint_steps=checkpoint_steps)
    tasks = Episode(*cases.episodes())
    weights = learner.functional.initial_weights()
    generator = np.random.default_rng(0)
    steps = [tf.constant(0.1 * generator.normal(size=w.shape)) for w in weights]
    monkeypatch.setattr(
        sharp_maml,
        "perturbed",
        lambda weights, gradients, radius: [w + e for w, e in zip(weights, steps, strict=True)],
    )
    function = tf.function(learner.meta_gradients)
    gradients, _ = function(tasks)
    variables = learner.trainable_variables
    direction = finite_differences.random_direction(variables)
    expected = finite_differences.directional(
        lambda: tf.reduce_mean(function(tasks)[1].loss), variables, direction
    )
    np.testing.assert_allclose(
        finite_differences.dot(gradients, direction), expected, rtol=1e-6, atol=1e-9
    )


def test_a_perturbation_is_a_constant(float64):
    weights = [tf.constant([3.0, 4.0], "float64"), tf.constant([1.0], "float64")]
    with tf.GradientTape() as tape:
        tape.watch(weights)
        gradients = [2.0 * weights[0], None]
        moved = sharp_maml.perturbed(weights, gradients, 0.5)
    np.testing.assert_allclose(moved[0], [3.3, 4.4], rtol=1e-12)
    assert moved[1] is weights[1]
    np.testing.assert_allclose(tape.gradient(moved[0], weights[0]), [1.0, 1.0])
    # Where there is no slope there is no direction.
    assert sharp_maml.perturbed([tf.ones([2])], [tf.zeros([2])], 0.5)[0].numpy().tolist() == [1, 1]


@pytest.mark.parametrize("adapted_weights", quick_first(["all", "head"], ["all"]))
def test_outer_gradient_by_its_definition(adapted_weights, float64):
    """That of MAML where the loss has risen, in every weight, adapted or not."""
    learner = compiled(0.0, 0.3, adapted_weights=adapted_weights)
    tasks = Episode(*cases.episodes())
    variables = learner.trainable_variables
    before = values_of(variables)
    gradients, outcome = tf.function(learner.meta_gradients)(tasks)
    for a, b in zip(values_of(variables), before, strict=True):
        np.testing.assert_array_equal(a, b)

    learner.outer_radius = 0.0
    plain = tf.function(learner.meta_gradients)
    slope, at_weights = plain(tasks)
    np.testing.assert_array_equal(outcome.loss, at_weights.loss)
    norm = np.sqrt(sum(np.sum(np.square(g)) for g in slope))
    for variable, g in zip(variables, slope, strict=True):
        assert np.any(g)
        variable.assign_add(0.3 * g / norm)
    expected, nearby = plain(tasks)
    assert np.mean(nearby.loss) > np.mean(at_weights.loss)
    for a, b in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)


def test_the_perturbation_of_a_batch_counts_padding_nowhere(float64):
    """Two tasks of different size, in one batch and by the definition, one by one."""
    learner = compiled(0.1, 0.3)
    apart = [Episode(*cases.episodes(tasks=1, examples=n, queries=n)) for n in (3, 6)]
    batch = keras.tree.map_structure(
        lambda *x: None if x[0] is None else tf.concat(x, 0),
        *[cases.padded(task, 6) for task in apart],
    )
    gradients, _ = learner.meta_gradients(batch)

    def mean_gradients():
        pairs = zip(*(learner.meta_gradients(task)[0] for task in apart), strict=True)
        return [(a + b) / 2.0 for a, b in pairs]

    learner.outer_radius = 0.0
    variables = learner.trainable_variables
    moved = sharp_maml.perturbed([v.value for v in variables], mean_gradients(), 0.3)
    for variable, value in zip(variables, moved, strict=True):
        variable.assign(value)
    for a, b in zip(gradients, mean_gradients(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_a_check_knows_that_the_gradient_is_not_that_of_the_loss():
    learner = compiled(0.0, 1.0)
    report = learner.check(cases.episodes())
    assert report.gradient_error is None and "by design an approximation" in str(report)
    learner.outer_radius = 0.0
    assert learner.check(cases.episodes()).gradient_error < 0.01


def test_bad_arguments():
    with pytest.raises(ValueError, match="`inner_radius` must be a finite number >= 0"):
        compiled(-1.0, 0.0)
    with pytest.raises(ValueError, match="`outer_radius` must be a finite number >= 0"):
        compiled(0.0, float("inf"))
