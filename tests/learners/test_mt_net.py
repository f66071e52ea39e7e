"""Transformations that do not adapt, and masks over what does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta import learners
from keras_meta.learners.mt_net import with_transformations
from keras_meta.outer_loop.episode import Episode
from tests import finite_differences
from tests.learners import embedding_cases as cases
from tests.quick import quick_first

layers = keras.layers


def classifier():
    x = [keras.Input((4, 4, 1)), *cases.body().layers, layers.Activation("tanh"), layers.Dense(3)]
    return keras.Sequential(x)


def compiled(model=None, **kwargs):
    keras.utils.set_random_seed(0)
    model = with_transformations(classifier()) if model is None else model
    return cases.compiled(learners.MTNet(model, 0.1, 2, **kwargs))


def transformations(model):
    return [layer for layer in model.layers if layer.name.endswith("_transformation")]


def shaken(learner):
    """With transformations that are not the identity, and masks that differ."""
    generator = np.random.default_rng(0)
    for layer in transformations(learner.model):
        layer.kernel.assign_add(0.2 * generator.normal(size=layer.kernel.shape))
    if learner.masks:
        learner.mask_logits.assign(generator.normal(size=learner.mask_logits.shape))
    return learner


# What sets it apart.


@pytest.mark.parametrize("checkpoint_steps", quick_first([False, True], [True]))
@pytest.mark.parametrize("masks", quick_first([False, True], [True]))
def test_with_identities_and_masks_of_one_it_is_maml(masks, checkpoint_steps, float64):
    model = classifier()
    plain = cases.compiled(learners.MAML(model, 0.1, 2))
    learner = compiled(with_transformations(model), masks=masks, checkpoint_steps=checkpoint_steps)
    if masks:
        learner.mask_logits.assign(tf.fill(learner.mask_logits.shape, 100.0))
    tasks = Episode(*cases.episodes())
    expected, at_maml = tf.function(plain.meta_gradients)(tasks)
    gradients, outcome = tf.function(learner.meta_gradients)(tasks)
    np.testing.assert_allclose(outcome.loss, at_maml.loss, rtol=1e-12)
    found = {v.path: g for v, g in zip(learner.trainable_variables, gradients, strict=True)}
    for variable, gradient in zip(plain.trainable_variables, expected, strict=True):
        np.testing.assert_allclose(found[variable.path], gradient, rtol=1e-9, atol=1e-12)


def test_a_step_by_hand(float64):
    """Of a linear model, `y = x W T`, in two of its three units."""
    model = keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(3)])
    learner = shaken(cases.compiled(learners.MTNet(with_transformations(model), 0.5, 1)))
    learner.mask_logits.assign([100.0, -100.0, 0.0])
    (transformation,) = transformations(learner.model)
    kernel, bias = (tf.constant(v.value) for v in model.trainable_variables)
    inputs, _ = cases.episodes(tasks=1)
    x, y = tf.reshape(inputs["support_x"][0], [6, 16]), inputs["support_y"][0]
    matrix = tf.constant(transformation.kernel.value)
    logits = (x @ kernel + bias) @ matrix
    error = (tf.nn.softmax(logits) - tf.one_hot(y, 3, dtype=tf.float64)) / 6.0
    at_units = error @ tf.transpose(matrix)
    masks = np.array([1.0, 0.0, 0.5])
    expected = (
        kernel - 0.5 * masks * (tf.transpose(x) @ at_units),
        bias - 0.5 * masks * tf.reduce_sum(at_units, 0),
    )
    found = learner.adapt_task(inputs["support_x"][0], y)["weights"]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


def test_transformations_are_meta_learned_and_belong_to_no_task():
    learner = compiled()
    inputs, y = cases.episodes()
    before = [layer.kernel.numpy() for layer in transformations(learner.model)]
    learner.train_step((inputs, y))
    for layer, kernel in zip(transformations(learner.model), before, strict=True):
        np.testing.assert_array_equal(kernel, np.eye(len(kernel)))
        assert np.abs(layer.kernel.numpy() - kernel).max() > 1e-4
    assert learner.weight_names() and not [x for x in learner.weight_names() if "transform" in x]
    task = learner.adapt(inputs["support_x"][0], y[0]).model  # that of which it normalises
    for layer in transformations(learner.model):
        np.testing.assert_array_equal(task.get_layer(layer.name).kernel, layer.kernel)


@pytest.mark.parametrize("options", [{"temperature": 0.7}, {"masks": False}])
def test_gradient_equals_central_differences(options, float64):
    learner = shaken(compiled(**options))
    tasks = Episode(*cases.episodes())
    function = tf.function(learner.meta_gradients)
    gradients, _ = function(tasks)
    variables = learner.trainable_variables
    assert all(g is not None and np.any(g) for g in gradients)
    direction = finite_differences.random_direction(variables)
    expected = finite_differences.directional(
        lambda: tf.reduce_mean(function(tasks)[1].loss), variables, direction
    )
    np.testing.assert_allclose(
        finite_differences.dot(gradients, direction), expected, rtol=1e-6, atol=1e-9
    )


# Masks.


def test_units_share_masks_over_the_weights_of_a_layer():
    learner = compiled()
    # A convolution of 3 channels, their normalisation, and dense layers of 5 and 3 units.
    assert learner.mask_logits.shape == (3 + 3 + 5 + 3,)
    masks = shaken(learner).draw_masks(tf.constant([0, 1]))
    paths = [v.path for v in learner.inner_weights.variables]
    by_layer = {}
    for path, mask in zip(paths, masks, strict=True):
        by_layer.setdefault(path.rpartition("/")[0], []).append(mask.numpy())
    assert [len(x) for x in by_layer.values()] == [1, 2, 2, 2]
    for first, *others in by_layer.values():
        assert all((first == x).all() for x in others)


def test_noise_is_of_the_task_and_absent_at_evaluation():
    learner = compiled()
    tasks = Episode(*keras.tree.map_structure(lambda x: tf.repeat(x[:1], 3, 0), cases.episodes()))
    losses = []
    for step in range(2):
        learner.optimizer.iterations.assign(step)
        losses += learner.meta_gradients(tasks)[1].loss.numpy().tolist()
    assert len(set(losses)) == 6
    learner.optimizer.iterations.assign(0)
    again = learner.meta_gradients(tasks)[1].loss
    np.testing.assert_array_equal(again, np.float32(losses[:3]))
    predictions = learner(tasks.inputs).numpy()
    np.testing.assert_array_equal(predictions[0], predictions[1])
    masks = learner.draw_masks()
    assert all((mask == 0.5).numpy().all() for mask in masks)


def test_noisy_masks_are_bernoulli_at_low_temperature():
    model = with_transformations(keras.Sequential([keras.Input((2,)), layers.Dense(5000)]))
    learner = learners.MTNet(model, 0.1, temperature=0.01)
    learner.mask_logits.assign(tf.fill([5000], 1.0))
    masks = learner.draw_masks(tf.constant([3, 4]))[0].numpy()
    assert ((masks < 0.01) | (masks > 0.99)).mean() > 0.95
    np.testing.assert_allclose(masks.mean(), 1.0 / (1.0 + np.exp(-1.0)), atol=0.03)


def test_padding_counts_nowhere(float64):
    """Compared with the same tasks in the same places, on which the noise depends."""
    learner = shaken(compiled())
    batch = Episode(*cases.episodes(examples=3, queries=3))
    gradients, outcome = learner.meta_gradients(batch)
    expected, without = learner.meta_gradients(cases.padded(batch, 5))
    np.testing.assert_allclose(outcome.loss, without.loss, rtol=1e-12)
    for a, b in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-14)


# Models with transformations.


def test_transformations_stand_behind_weights_and_change_nothing_at_first():
    model = keras_meta.networks.Conv4(3, (16, 16, 1), filters=4)
    extended = with_transformations(model)
    names = [layer.name.split("_")[0] for layer in extended.layers[1:4]]
    assert names == ["conv2d"] * 2 + ["batch"]  # ahead of normalisation and activation
    assert len(transformations(extended)) == 5
    x = np.random.default_rng(0).normal(size=(2, 16, 16, 1)).astype("float32")
    np.testing.assert_allclose(extended(x), model(x), atol=1e-6)
    assert {id(v) for v in model.variables} <= {id(v) for v in extended.variables}


def test_layers_that_are_left_as_they_are():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4)])
    shared = layers.Dense(4, "relu")
    inputs = keras.Input((4,))
    x = shared(shared(inner(inputs)))
    model = keras.Model(inputs, layers.Dense(2, "softmax")(layers.LayerNormalization()(x)))
    extended = with_transformations(model)
    # One for both uses of the shared layer, none for the outputs, which are probabilities.
    assert [x.name for x in transformations(extended)] == [f"{shared.name}_transformation"]
    np.testing.assert_allclose(extended(np.eye(4)).numpy().sum(1), 1.0, rtol=1e-6)


def test_any_layers_may_be_transformations():
    """As in WarpGrad, in a subclassed model."""

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.body, self.head = layers.Dense(4, "tanh"), layers.Dense(3)
            self.warp = keras.Sequential([layers.Dense(4, "tanh", name="warp")])

        def call(self, x):
            return self.head(self.warp(self.body(layers.Flatten()(x))))

    model = Own()
    model(tf.zeros([1, 4, 4, 1]))
    learner = compiled(model, transformations=["warp"])
    assert len(learner.weight_names()) == 4 and learner.mask_logits.shape == (4 + 3,)
    inputs, y = cases.episodes()
    learner.fit(inputs, y, batch_size=3, verbose=0)
    assert learner.get_config()["transformations"] == ["warp"]


def test_a_choice_of_weights_is_kept():
    names = compiled(adapted_weights="scales").weight_names()
    assert [name.rpartition("/")[2] for name in names] == ["gamma", "beta"]


def test_what_cannot_be_is_said():
    with pytest.raises(ValueError, match="takes a model with transformations.* Received: .*=.."):
        compiled(classifier())
    with pytest.raises(ValueError, match="Received: transformations=.'mine'"):
        compiled(transformations=["mine"])
    with pytest.raises(ValueError, match="No weight is left to adapt: .*adapted_weights='head'"):
        compiled(adapted_weights="head")
    with pytest.raises(ValueError, match="`temperature` must be a number > 0"):
        compiled(temperature=0.0)

    class Own(keras.Model):
        pass

    with pytest.raises(ValueError, match="Received: 'own' of type Own"):
        with_transformations(Own(name="own"))
