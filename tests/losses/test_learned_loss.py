"""The learned loss: its values, and its gradient through inner steps."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_meta
from keras_meta import learners
from keras_meta.losses import LearnedLoss
from keras_meta.outer_loop.episode import Episode
from tests import finite_differences
from tests.quick import quick_first

LEARNERS = {
    "MAML": lambda m, **kwargs: learners.MAML(m, 0.3, 2, **kwargs),
    "checkpointed": lambda m, **kwargs: learners.MAML(m, 0.3, 2, checkpoint_steps=True, **kwargs),
    "MAML++": lambda m, **kwargs: learners.MAMLPlusPlus(
        m, 0.3, 2, multi_step_loss_steps=5, **kwargs
    ),
    # Enough steps to be at the minimum of the inner problem.
    "ImplicitMAML": lambda m, **kwargs: learners.ImplicitMAML(
        m, 0.2, 80, regularization=2.0, cg_steps=40, adapted_weights="head", **kwargs
    ),
}


def episodes(outputs):
    generator = np.random.default_rng(0)
    x = [tf.constant(generator.normal(size=(3, 6, 4))) for _ in range(2)]
    if outputs == 1:
        y = [tf.constant(generator.normal(size=(3, 6, 1))) for _ in range(2)]
    else:
        y = [tf.constant(np.tile(np.arange(6) % outputs, (3, 1)))] * 2
    return {"support_x": x[0], "support_y": y[0], "query_x": x[1]}, y[1]


def compiled(make, outputs):
    layers = keras.layers
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, "tanh"), layers.Dense(outputs)])
    learner = make(model, inner_loss=LearnedLoss(outputs, units=(7,)))
    sparse = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    learner.compile(keras.optimizers.Adam(0.01), "mse" if outputs == 1 else sparse)
    return learner


@pytest.mark.parametrize("outputs", quick_first([1, 3], [3]))
@pytest.mark.parametrize("name", quick_first(LEARNERS, ["MAML", "ImplicitMAML"]))
def test_gradient_of_the_loss_equals_central_differences(name, outputs, float64):
    learner = compiled(LEARNERS[name], outputs)
    batch = episodes(outputs)
    function = tf.function(learner.meta_gradients)
    gradients, _ = function(Episode(*batch))
    of_loss = {id(v) for v in learner.inner_loss.trainable_variables}
    assert len(of_loss) == 4
    positions = [i for i, v in enumerate(learner.trainable_variables) if id(v) in of_loss]
    variables = [learner.trainable_variables[i] for i in positions]
    direction = finite_differences.random_direction(variables)
    expected = finite_differences.directional(
        lambda: tf.reduce_mean(function(Episode(*batch))[1][0]), variables, direction
    )
    actual = finite_differences.dot([gradients[i] for i in positions], direction)
    assert abs(expected) > 1e-5
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-9)


def test_it_is_learned_saved_and_loaded(tmp_path):
    learner = compiled(LEARNERS["MAML"], 3)
    inputs, y = keras.tree.map_structure(
        lambda x: tf.cast(x, "float32") if x.dtype.is_floating else x, episodes(3)
    )
    before = learner.inner_loss.get_weights()
    gradients, _ = learner.meta_gradients(Episode(inputs, y))
    gradient_of = {id(v): g for v, g in zip(learner.trainable_variables, gradients, strict=True)}
    learner.compile(keras.optimizers.SGD(0.1), learner.loss)
    learner.train_on_batch(inputs, y)
    for variable, start in zip(learner.inner_loss.trainable_variables, before, strict=True):
        gradient = gradient_of[id(variable)]
        np.testing.assert_allclose(variable, start - 0.1 * gradient, atol=1e-6)
        assert np.abs(gradient).max() > 1e-4
    learner.save(tmp_path / "learner.keras")
    loaded = keras.models.load_model(tmp_path / "learner.keras")
    np.testing.assert_array_equal(loaded(inputs), learner(inputs))


def expected_loss(loss, y_true, y_pred):
    """`softplus(h([y, s]))` in NumPy."""
    values = np.concatenate([y_true, y_pred], axis=1)
    weights = loss.get_weights()
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        values = np.log1p(np.exp(values @ kernel + bias))
    return values[:, 0]


def test_losses_of_class_numbers_and_one_hot_labels():
    loss = LearnedLoss(3, units=(7, 5))
    assert len(loss.trainable_variables) == 6
    predictions = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    labels = np.array([0, 2, 1, 1])
    one_hot = np.eye(3, dtype="float32")[labels]
    expected = expected_loss(loss, one_hot, predictions)
    for targets in (labels, labels[:, None], one_hot):
        found = loss(tf.constant(targets), predictions)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_losses_of_values():
    predictions, targets = np.random.default_rng(0).normal(size=(2, 4, 1)).astype("float32")
    loss = LearnedLoss(1)
    expected = expected_loss(loss, targets, predictions)
    np.testing.assert_allclose(loss(targets, predictions), expected, rtol=1e-5)
    np.testing.assert_allclose(loss(targets[:, 0], predictions), expected, rtol=1e-5)
    predictions, targets = np.random.default_rng(0).normal(size=(2, 4, 2)).astype("float32")
    loss = LearnedLoss(2)
    expected = expected_loss(loss, targets, predictions)
    np.testing.assert_allclose(loss(targets, predictions), expected, rtol=1e-5)


def test_configuration():
    loss = LearnedLoss(3, units=[7, 5], name="mine")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert (copy.num_outputs, copy.units, copy.name) == (3, (7, 5), "mine")


@pytest.mark.parametrize(
    "make",
    [lambda m, **k: learners.MAML(m, first_order=True, **k), learners.Reptile],
)
def test_first_order_learners_refuse_it(make):
    with pytest.raises(ValueError, match="learned through the inner gradient"):
        make(keras_meta.networks.SinusoidMLP(), inner_loss=LearnedLoss(1))


@pytest.mark.parametrize("num_outputs", [0, 2.0, True])
def test_bad_number_of_outputs(num_outputs):
    with pytest.raises(ValueError, match=f"Received: num_outputs={num_outputs}"):
        LearnedLoss(num_outputs)
