"""An inner loss with weights, which the outer loop learns."""

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
@pytest.mark.parametrize("name", LEARNERS)
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
    losses = learner.fit(
        tf.data.Dataset.from_tensors((inputs, y)).repeat(), steps_per_epoch=20, epochs=5, verbose=0
    ).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    for a, b in zip(learner.inner_loss.get_weights(), before, strict=True):
        assert np.any(a != b)
    learner.save(tmp_path / "learner.keras")
    loaded = keras.models.load_model(tmp_path / "learner.keras")
    np.testing.assert_array_equal(
        loaded.predict(inputs, verbose=0), learner.predict(inputs, verbose=0)
    )
    # The loss is what adaptation descends: another one predicts otherwise.
    loaded.inner_loss.set_weights(before)
    difference = loaded.predict(inputs, verbose=0) - learner.predict(inputs, verbose=0)
    assert np.abs(difference).max() > 1e-4


def test_losses_are_per_example_whatever_the_form_of_the_targets():
    loss = LearnedLoss(3)
    predictions = tf.random.stateless_normal([4, 3], [0, 0])
    labels = tf.constant([0, 2, 1, 1])
    values = loss(tf.one_hot(labels, 3), predictions)
    assert values.shape == (4,) and np.all(values > 0)
    np.testing.assert_array_equal(loss(labels, predictions), values)
    np.testing.assert_array_equal(loss(labels[:, None], predictions), values)


@pytest.mark.parametrize(
    "make",
    [lambda m, **k: learners.MAML(m, first_order=True, **k), learners.Reptile],
)
def test_first_order_learners_refuse_it(make):
    with pytest.raises(ValueError, match="learned through the inner gradient"):
        make(keras_meta.networks.SinusoidMLP(), inner_loss=LearnedLoss(1))


def test_bad_number_of_outputs():
    with pytest.raises(ValueError, match="Received: num_outputs=0"):
        LearnedLoss(0)
