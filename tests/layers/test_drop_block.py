"""Dropout of blocks of feature maps."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta import learners
from keras_meta.inner_loop.functional import FunctionalModel
from keras_meta.layers import DropBlock
from keras_meta.outer_loop.episode import Episode
from tests.finite_differences import directional, dot, random_direction


def dropped(layer, shape):
    """Which features of maps of ones the layer drops."""
    return layer(tf.ones(shape), training=True).numpy() == 0.0


def covered_by_blocks(dropped, size):
    """Whether each dropped feature of a map lies in a square of dropped ones."""
    corners = np.lib.stride_tricks.sliding_window_view(dropped, (size, size)).all((2, 3))
    covered = np.zeros_like(dropped)
    for row, column in np.argwhere(corners):
        covered[row : row + size, column : column + size] = True
    return np.array_equal(covered, dropped)


@pytest.mark.parametrize("size", [1, 3])
def test_blocks_are_dropped_at_the_rate(size):
    zeros = dropped(DropBlock(0.1, size, seed=0), (20, 9, 12, 30))
    # The blocks of one map overlap now and then.
    assert 0.085 < zeros.mean() < 0.105
    maps = np.moveaxis(zeros, 3, 1).reshape(-1, 9, 12)
    assert all(covered_by_blocks(single, size) for single in maps)
    assert len(np.unique(maps, axis=0)) > 200
    # Each place can be dropped, those at the border less often.
    assert zeros.mean((0, 3)).min() > 0.0


def test_a_block_is_not_larger_than_the_map():
    zeros = dropped(DropBlock(0.3, 5, seed=0), (50, 2, 3, 20))
    assert np.array_equal(zeros.any((1, 2)), zeros.all((1, 2)))
    assert 0.26 < zeros.mean() < 0.34


def test_what_is_kept_is_scaled_by_example():
    x = np.random.default_rng(0).random((6, 8, 8, 4)).astype("float32") + 0.1
    outputs = DropBlock(0.3, 3, seed=0)(x, training=True).numpy()
    for example, output in zip(x, outputs, strict=True):
        kept = output != 0.0
        np.testing.assert_allclose(output[kept], example[kept] / kept.mean(), rtol=1e-5)
    everything = DropBlock(0.999, 8, seed=0)(x, training=True).numpy()
    assert np.all(np.isfinite(everything)) and (everything == 0.0).all((1, 2, 3)).any()


def test_outside_training_nothing_happens():
    layer, x = DropBlock(0.5), np.ones((2, 4, 4, 3), "float32")
    np.testing.assert_array_equal(layer(x), x)
    layer.current_rate.assign(0.0)
    np.testing.assert_array_equal(layer(x, training=True), x)


def network(rate=0.4):
    return keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            keras.layers.Conv2D(3, 3, activation="tanh"),
            DropBlock(rate, 2, seed=1),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )


def test_noise_is_that_of_the_seed_of_a_task():
    function = FunctionalModel(network())
    x = np.random.default_rng(0).random((5, 6, 6, 2)).astype("float32")

    def predict(seed):
        weights = function.initial_weights()
        return function(x, weights, training=True, seed=tf.constant(seed)).predictions.numpy()

    np.testing.assert_array_equal(predict([1, 2]), predict([1, 2]))
    assert not np.array_equal(predict([1, 2]), predict([1, 3]))


def test_meta_gradients_equal_central_differences(float64):
    learner = learners.MAML(network(), inner_learning_rate=0.2, inner_steps=2)
    learner.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    generator = np.random.default_rng(0)
    inputs = {
        "support_x": tf.constant(generator.normal(size=(2, 5, 6, 6, 2))),
        "support_y": tf.constant(generator.integers(0, 3, (2, 5)), "int32"),
        "query_x": tf.constant(generator.normal(size=(2, 4, 6, 6, 2))),
    }
    batch = Episode(inputs, tf.constant(generator.integers(0, 3, (2, 4)), "int32"))
    meta_gradients = tf.function(learner.meta_gradients, autograph=False)
    gradients, outcome = meta_gradients(batch)
    variables = learner.trainable_variables
    direction = random_direction(variables)
    expected = directional(
        lambda: tf.reduce_mean(meta_gradients(batch)[1].loss), variables, direction
    )
    assert abs(dot(gradients, direction) - expected) <= 1e-6 * max(abs(expected), 1e-2)
    without = learner.learn_tasks(batch).loss
    assert not np.allclose(outcome.loss, without)


def test_half_precision_and_saving(tmp_path):
    layer = DropBlock(0.3, 3, seed=0, dtype="mixed_float16")
    model = keras.Sequential([keras.Input((6, 6, 2)), layer])
    assert layer(tf.ones((2, 6, 6, 2)), training=True).dtype == tf.float16
    layer.current_rate.assign(0.125)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").layers[0]
    assert loaded.get_config() == layer.get_config()
    assert float(loaded.current_rate) == 0.125 and loaded.rate == 0.3
    assert not loaded.trainable_variables


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [({"rate": 1.0}, "Received: rate=1.0"), ({"block_size": 0}, "Received: block_size=0")],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        DropBlock(**kwargs)
