"""A dense layer on patches is a causal convolution."""

import keras
import numpy as np
import pytest

from keras_meta.layers import CausalPatches


@pytest.mark.parametrize("size, dilation", [(3, 1), (2, 4), (1, 2), (3, 8)])
def test_a_dense_layer_on_patches_is_a_causal_convolution(size, dilation):
    x = keras.random.normal((2, 10, 3))
    convolution = keras.layers.Conv1D(5, size, padding="causal", dilation_rate=dilation)
    expected = convolution(x)
    dense = keras.layers.Dense(5)
    patches = CausalPatches(size, dilation)
    dense.build((None, None, 3 * size))
    dense.set_weights([convolution.kernel.numpy().reshape(-1, 5), convolution.bias.numpy()])
    np.testing.assert_allclose(dense(patches(x)), expected, atol=1e-5)
    assert patches.compute_output_shape((None, None, 3)) == (None, None, 3 * size)


def test_it_keeps_masks_and_is_saved(tmp_path):
    model = keras.Sequential(
        [keras.Input((None,)), keras.layers.Embedding(4, 2, mask_zero=True), CausalPatches(2, 3)]
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = np.array([[1, 2, 3, 0]])
    np.testing.assert_array_equal(loaded(x), model(x))
    masks = keras.layers.Embedding(4, 2, mask_zero=True).compute_mask(x)
    np.testing.assert_array_equal(model.compute_mask(x, masks), masks)
    assert loaded.layers[-1].get_config() == model.layers[-1].get_config()
