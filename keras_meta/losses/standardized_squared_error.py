"""The squared error in units of a standard deviation."""

import keras


@keras.saving.register_keras_serializable("keras_meta")
class StandardizedSquaredError(keras.losses.Loss):
    """The squared error of values divided by their scale.

        loss = mean over queries of  ((y - f) / s)^2

    Gradients, and the learning rates that suit them, do not depend on the unit of `y` then.

    Args:
        scale: float. The standard deviation `s` of the labels.
        reduction: See `keras.losses.Loss`.
        name: Optional name.

    Raises:
        ValueError: If `scale` is not a number above 0.

    Example:

    ```python
    import keras_meta

    loss = keras_meta.losses.StandardizedSquaredError(scale=1000.0)
    assert abs(float(loss([[2000.0]], [[5000.0]])) - 9.0) < 1e-5
    ```
    """

    def __init__(
        self, scale, reduction="sum_over_batch_size", name="standardized_squared_error", dtype=None
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if not 0 < scale < float("inf"):
            raise ValueError(f"`scale` must be a number > 0. Received: scale={scale!r}.")
        self.scale = float(scale)

    def call(self, y_true, y_pred):
        y_pred = keras.ops.convert_to_tensor(y_pred)
        y_true = keras.ops.cast(y_true, y_pred.dtype)
        return keras.ops.mean(keras.ops.square((y_true - y_pred) / self.scale), axis=-1)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}
