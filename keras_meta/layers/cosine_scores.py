"""Linear outputs of features of length 1."""

import keras


@keras.saving.register_keras_serializable("keras_meta")
class CosineScores(keras.layers.Layer):
    """Scores `W f / |f| + b`: with columns of length `t`, `t` times the cosines to them.

    Called with a list `[f, W, b]` of shapes `[n, features]`, `[features, ways]` and `[ways]`,
    returns `[n, ways]`.

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
