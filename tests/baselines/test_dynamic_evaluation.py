"""Dynamic evaluation, against Keras's own SGD, window by window."""

import keras
import numpy as np
import pytest

from keras_meta.baselines import DynamicEvaluation
from tests.baselines.language_tasks import LOSS, bits, data, recurrent


@pytest.mark.parametrize("passes", [0, 1, 2])
def test_it_learns_from_each_window_after_predicting_it(passes):
    model = recurrent()
    dynamic = DynamicEvaluation(model, 0.5, passes=passes)
    found = dynamic.task_values(data(), "bits_per_character", LOSS)
    assert found.shape == (2, 1)
    ((inputs, query_y),) = data()
    for task in range(2):
        copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
        copy.compile(keras.optimizers.SGD(0.5), LOSS)
        for _ in range(passes):
            for x, y in zip(inputs["support_x"][task], inputs["support_y"][task], strict=True):
                copy.train_on_batch(x[None], y[None])
        values = []
        for x, y in zip(inputs["query_x"][task], query_y[task], strict=True):
            values.append(bits(y[None], copy(x[None])))
            copy.train_on_batch(x[None, :-1], x[None, 1:])
        np.testing.assert_allclose(found[task, 0], np.mean(values), rtol=1e-4)


def test_its_setting_is_described():
    assert DynamicEvaluation(recurrent(), 0.5).settings == ["SGD, rate 0.5, 1 passes"]
