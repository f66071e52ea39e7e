"""Centring and normalisation of features."""

import keras
import numpy as np


@keras.saving.register_keras_serializable("keras_meta")
class FeatureCentering(keras.layers.Layer):
    """Subtracts the mean feature of the base classes, then scales features to unit length.

        (f - m) / |f - m|

    At the end of a trained embedding, it makes classification by the nearest class mean a strong
    baseline (SimpleShot). The mean `m` is not trained: it is 0 until `adapt` is called.

    Example:

    ```python
    import keras
    import numpy as np
    import keras_meta

    images = np.random.default_rng(0).random((40, 28, 28, 1), "float32")
    body = keras_meta.networks.Conv4(filters=8)  # trained on the base classes
    centering = keras_meta.layers.FeatureCentering()
    centering.adapt(body.predict(images, verbose=0))
    embedding = keras.Sequential([keras.Input((28, 28, 1)), body, centering])
    learner = keras_meta.learners.PrototypicalNetwork(embedding, batch_norm="running")
    ```

    Reference:
        [Wang et al., 2019](https://arxiv.org/abs/1911.04623)
    """

    def build(self, input_shape):
        self.mean = self.add_weight(
            name="mean", shape=(input_shape[-1],), initializer="zeros", trainable=False
        )

    def adapt(self, features):
        """Sets the mean to that of the given features.

        Args:
            features: Array `[examples, features]`, the embedded examples of the base classes.

        Raises:
            ValueError: If `features` is not such an array.
        """
        shape = np.shape(features)
        if len(shape) != 2 or not shape[0]:
            raise ValueError(
                "`features` must be an array [examples, features] of embedded examples, as "
                f"`embedding.predict(x)` returns. Received: an array of shape {shape}."
            )
        if not self.built:
            self.build((None, shape[1]))
        self.mean.assign(np.mean(features, axis=0))

    def call(self, features):
        return keras.ops.normalize(features - keras.ops.cast(self.mean, features.dtype))

    def compute_output_shape(self, input_shape):
        return input_shape
