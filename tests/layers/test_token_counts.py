"""How often each token occurs in a text."""

import keras
import numpy as np
import tensorflow as tf

from keras_meta.layers import TokenCounts

TOKENS = np.array([[3, 1, 3, 0], [0, 0, 0, 0], [4, 0, 2, 2]])
WEIGHTS = np.array([5.0, 1.0, 2.0, 0.5, 3.0], "float32")


def weighted():
    layer = TokenCounts(5)
    layer.build((None, 4))
    layer.set_weights([WEIGHTS])
    return layer


def test_equals_its_definition():
    expected = [[0, 1, 0, 1, 0], [0, 0, 0, 0, 0], [0, 0, 4, 0, 3]]
    np.testing.assert_array_equal(weighted()(TOKENS), expected)


def test_derivatives_count_the_tokens():
    layer = weighted()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(TOKENS) ** 2)
    counts = np.stack([np.bincount(row, minlength=5) for row in TOKENS])
    counts[:, 0] = 0
    expected = 2 * WEIGHTS * (counts**2).sum(0)
    gradient = tf.convert_to_tensor(tape.gradient(total, layer.token_weights))
    np.testing.assert_allclose(gradient, expected)


def test_tasks_are_vectorised():
    layer = weighted()
    found = tf.vectorized_map(layer, TOKENS[:, None], fallback_to_while_loop=False)
    np.testing.assert_array_equal(found[:, 0], layer(TOKENS))


def test_it_is_saved(tmp_path):
    model = keras.Sequential([keras.Input((None,), dtype="int32"), weighted()])
    assert model.output_shape == (None, 5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(TOKENS), weighted()(TOKENS))
