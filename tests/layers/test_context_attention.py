"""How attention to a support set begins; its equations are tested with the learner."""

import numpy as np

from keras_meta.layers.context_attention import Attention


def test_a_comparison_at_first():
    layer = Attention(num_heads=2, compares=True)
    layer.build((None, 8))
    keys, values = np.split(np.asarray(layer.key_value.kernel), 2, axis=1)
    np.testing.assert_array_equal(keys, layer.query.kernel)
    np.testing.assert_allclose(values @ np.asarray(layer.merge.kernel), np.eye(8), atol=1e-6)
    assert Attention.from_config(layer.get_config()).compares
