"""A Keras model as a function of its weights and state."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.heads.linear_head import LinearHead
from keras_meta.inner_loop import rules
from keras_meta.inner_loop.functional import FunctionalModel, fold_in

X = np.array([[1.0, 2.0], [3.0, 5.0], [-1.0, 0.5]], "float32")


def model(*more):
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((2,)), layers.Dense(3, kernel_regularizer="l2"), *more, layers.Dense(1)]
    )


def normalized():
    return model(keras.layers.BatchNormalization(momentum=0.5))


def test_it_predicts_by_the_weights_it_is_given_and_leaves_the_model_alone():
    made = model()
    before = made.get_weights()
    a, b, c, d = (np.full(v.shape, 0.1 * (i + 1), "float32") for i, v in enumerate(made.weights))
    output = FunctionalModel(made)(X, [tf.constant(x) for x in (a, b, c, d)])
    np.testing.assert_allclose(output.predictions, (X @ a + b) @ c + d, rtol=1e-6)
    assert output.state == {}
    for x, y in zip(before, made.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


def test_initial_weights_are_those_of_the_model_at_the_moment():
    made = model()
    function = FunctionalModel(made)
    made.set_weights([np.full(v.shape, 2.0) for v in made.weights])
    assert all(np.all(w == 2.0) for w in function.initial_weights())
    np.testing.assert_allclose(
        function(X, function.initial_weights()).predictions, made(X), rtol=1e-6
    )


def test_a_gradient_by_the_weights():
    made = model()
    function = FunctionalModel(made)
    weights = function.initial_weights()
    with tf.GradientTape() as tape:
        tape.watch(weights)
        total = tf.reduce_sum(function(X, weights).predictions)
    gradients = tape.gradient(total, weights)
    np.testing.assert_allclose(gradients[3], [3.0])
    np.testing.assert_allclose(gradients[1], 3.0 * made.weights[2].numpy()[:, 0], rtol=1e-6)


def test_the_wrong_number_of_weights():
    function = FunctionalModel(model())
    with pytest.raises(ValueError):
        function(X, function.initial_weights()[:-1])


def test_what_a_pass_writes_is_returned_and_not_stored():
    made = normalized()
    function = FunctionalModel(made)
    assert function.moving_indices == [0, 1]
    ((layer, indices),) = function.moving_by_layer
    assert layer is made.layers[1] and indices == [0, 1]
    output = function(X, function.initial_weights())
    hidden = made.layers[0](X).numpy()
    np.testing.assert_allclose(output.state[0], hidden.mean(0), rtol=1e-5)
    np.testing.assert_allclose(output.state[1], hidden.var(0), rtol=1e-4)
    assert not np.any(function.stored_state(0)) and np.all(function.stored_state(1) == 1.0)


def test_a_pass_starts_from_the_state_it_is_given():
    made = normalized()
    function = FunctionalModel(made)
    state = {0: tf.constant([1.0, 2.0, 3.0]), 1: tf.constant([4.0, 4.0, 4.0])}
    output = function(X, function.initial_weights(), state, rule=rules.stored)
    hidden = (made.layers[0](X).numpy() - [1.0, 2.0, 3.0]) / np.sqrt(4.0 + 1e-3)
    np.testing.assert_allclose(output.predictions, made.layers[2](hidden), rtol=1e-5)
    assert set(output.state) == {0, 1} and output.state[0] is state[0]


def test_losses_are_those_of_the_pass():
    regularized = model(keras.layers.ActivityRegularization(l2=0.5))
    function = FunctionalModel(regularized)
    output = function(X, function.initial_weights())
    regularized(X)
    (expected,) = regularized.layers[1].losses
    np.testing.assert_allclose(output.losses, expected, rtol=1e-5)
    # Not all versions of Keras divide it by the number of examples.
    total = 0.5 * (regularized.layers[0](X).numpy() ** 2).sum()
    assert float(expected) in (pytest.approx(total / len(X)), pytest.approx(total))
    plain = FunctionalModel(model())
    assert plain(X, plain.initial_weights()).losses == 0.0


def test_regularization_is_at_the_weights_that_are_given():
    function = FunctionalModel(model())
    weights = [2.0 * tf.ones(v.shape) for v in function.trainable_variables]
    # 0.01 times the squares of the one kernel of 2 by 3 that has a regularizer.
    np.testing.assert_allclose(function.regularization(weights), 0.01 * 6 * 4.0, rtol=1e-6)
    bare = FunctionalModel(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
    assert bare.regularization(bare.initial_weights()) == 0


def test_noise_is_a_function_of_the_seed():
    function = FunctionalModel(model(keras.layers.Dropout(0.5, seed=1)))
    assert len(function.seed_variables) == 1 and not function.state_variables

    def predictions(seed, training=True):
        weights = function.initial_weights()
        return function(X, weights, training=training, seed=tf.constant(seed)).predictions.numpy()

    np.testing.assert_array_equal(predictions([1, 2]), predictions([1, 2]))
    assert not np.array_equal(predictions([1, 2]), predictions([1, 3]))
    np.testing.assert_array_equal(predictions([1, 2], False), predictions([1, 3], False))


def test_two_generators_have_seeds_of_their_own():
    layers = keras.layers
    made = keras.Sequential([keras.Input((50,)), layers.Dropout(0.5, seed=1)])
    twice = keras.Sequential([keras.Input((50,)), *(layers.Dropout(0.5, seed=1) for _ in range(2))])
    seed, x = tf.constant([0, 0]), np.ones((1, 50), "float32")
    once = FunctionalModel(made)(x, [], training=True, seed=seed).predictions.numpy() > 0
    both = FunctionalModel(twice)(x, [], training=True, seed=seed).predictions.numpy() > 0
    assert both.sum() < once.sum() and np.all(once | ~both)


def test_a_part_is_run_in_place_of_the_whole():
    made = model()
    function = FunctionalModel(made)
    weights = [tf.ones(v.shape) for v in function.trainable_variables]
    calls = []

    def part(x, training):
        calls.append(training)
        return made.layers[0](x)

    output = function(X, weights, training=True, part=part)
    np.testing.assert_allclose(output.predictions, X.sum(1, keepdims=True) + np.ones((3, 3)))
    assert calls == [True]


def test_fold_in():
    assert fold_in(None, 3) is None
    seed = tf.constant([5, 6])
    parts = {tuple(fold_in(seed, number).numpy()) for number in (0, 1, 2, tf.constant(3))}
    assert len(parts) == 4
    np.testing.assert_array_equal(fold_in(seed, 1), fold_in(seed, tf.constant(1)))


def test_the_head_of_a_task_takes_the_last_weights():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, kernel_regularizer="l2")])
    plain, function = FunctionalModel(model), FunctionalModel(model, head=LinearHead("float32"))
    weights = plain.initial_weights()
    assert function.initial_weights()[2:] == [None, None]
    x, kernel, bias = tf.ones((4, 2)), tf.ones((3, 5)), tf.ones((5,))
    features = function(x, [*weights, kernel, bias], part=model).predictions
    scores = function(x, [*weights, kernel, bias]).predictions
    np.testing.assert_allclose(features, model(x))
    np.testing.assert_allclose(scores, features @ kernel + bias)
    penalty = function.regularization([*weights, kernel, bias])
    np.testing.assert_allclose(penalty, plain.regularization(weights))


def test_weights_may_replace_chosen_variables():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    function = FunctionalModel(model, model.trainable_variables[1:])
    (bias,) = function.initial_weights()
    x = tf.ones((4, 2))
    np.testing.assert_allclose(function(x, [bias + 1.0]).predictions, model(x) + 1.0)
