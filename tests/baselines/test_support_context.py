"""A query is predicted as the continuation of the support text."""

import numpy as np
import tensorflow as tf

from keras_meta.baselines import SupportContext
from tests.baselines.language_tasks import bits, data, recurrent


def test_each_number_of_symbols_before_a_query():
    model = recurrent()
    reader = SupportContext(model, contexts=(0, 2, 1000))
    found = reader.task_values(data(), "bits_per_character")
    assert reader.settings == ["context 0", "context 2", "context 1000"]
    ((inputs, query_y),) = data()
    for task in range(2):
        windows = [inputs["support_x"][task], inputs["support_y"][task][:, -1:]]
        text = np.concatenate(windows, 1).reshape(-1)
        assert len(text) == 4 * 21
        for setting, context in enumerate((0, 2, 84)):
            before = np.tile(text[len(text) - context :], (3, 1))
            logits = model(tf.concat([before, inputs["query_x"][task]], 1))[:, context:]
            expected = bits(query_y[task], logits)
            np.testing.assert_allclose(found[task, setting], expected, rtol=1e-4)
    assert len(np.unique(found)) == 6
