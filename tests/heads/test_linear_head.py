import numpy as np
import tensorflow as tf

from keras_meta.heads.linear_head import LinearHead


def test_the_layer_gives_the_same_scores():
    generator = np.random.default_rng(0)
    f, w, b = (tf.constant(generator.normal(size=s), "float32") for s in ((4, 3), (3, 2), (2,)))
    head = LinearHead("float32")
    np.testing.assert_allclose(head(f, w, b), f.numpy() @ w.numpy() + b.numpy(), rtol=1e-6)
    np.testing.assert_allclose(head.layer(w, b)(f), head(f, w, b), rtol=1e-6)
    assert [v.name for v in head.layer(w, b).weights] == list(head.names)
