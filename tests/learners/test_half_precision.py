"""Every learner trains with the Keras policy `mixed_bfloat16`."""

import keras
import numpy as np
import pytest

from tests.learners.table import batch, compiled, first, small_model


@pytest.fixture
def half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


@first(("prototypes",))
def test_it_trains_and_predicts_nearly_as_in_single_precision(name, half_precision):
    data = batch(2)
    half = compiled(name, small_model(dropout=0.0))
    keras.config.set_dtype_policy("float32")
    single = compiled(name, small_model(dropout=0.0))
    single.set_weights(half.get_weights())
    keras.config.set_dtype_policy("mixed_bfloat16")
    losses = [
        learner.evaluate(*data, verbose=0, return_dict=True)["loss"] for learner in (half, single)
    ]
    np.testing.assert_allclose(*losses, rtol=0.05)
    before = half.get_weights()
    half.train_on_batch(*data)
    after = half.get_weights()
    assert all(np.isfinite(x).all() for x in after)
    assert any((x != y).any() for x, y in zip(before, after, strict=True))
    assert {v.dtype for v in half.trainable_variables} == {"float32"}
