"""Linear scores of normalised features."""

import keras


@keras.saving.register_keras_serializable("keras_meta")
class CosineScores(keras.layers.Layer):
    """Returns the scores `f / |f| W + b`.

    If the columns of `W` have length `t` and `b` is zero, the scores are `t` times the cosines
    between the features and the columns. The layer is called with a list `[f, W, b]` of shapes
    `[n, features]`, `[features, ways]` and `[ways]`, and returns `[n, ways]`.

    Example:

    ```python
    import keras
    import keras_meta

    f, w, b = keras.ops.ones((4, 2)), keras.ops.ones((2, 3)), keras.ops.zeros(3)
    assert keras_meta.layers.CosineScores()([f, w, b]).shape == (4, 3)
    ```
    """

    def call(self, inputs):
        features, kernel, bias = inputs
        return keras.ops.matmul(keras.ops.normalize(features), kernel) + bias
