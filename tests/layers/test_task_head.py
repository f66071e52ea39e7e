"""The head of one task as a layer."""

import keras
import numpy as np

from keras_meta.layers import CosineScores, TaskHead


def test_it_holds_the_head_and_is_saved(tmp_path):
    generator = np.random.default_rng(0)
    head = [generator.normal(size=shape).astype("float32") for shape in ((4, 3), (3,))]
    layer = TaskHead(CosineScores(), [x.shape for x in head])
    layer.set_head(head)
    model = keras.Sequential([keras.Input((4,)), layer])
    x = generator.normal(size=(5, 4)).astype("float32")
    expected = x / np.linalg.norm(x, axis=1, keepdims=True) @ head[0] + head[1]
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-6)
    assert not model.trainable_variables
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
