"""A method that learns what a pooled model leaves of a task."""

from keras_meta.baselines.baseline_method import BaselineMethod


class Residuals(BaselineMethod):
    """Predicts by a model of all tasks, and corrects it by a method that learns its errors.

    With a model `g`, the method learns the support set `{(x_i, y_i - g(x_i))}`, and

        f(x) = g(x) + method(x)

    Args:
        model: A `keras.Model` from examples `[n, ...]` to values `[n, 1]`, such as one of
            `train_pooled_model`.
        method: A `BaselineMethod` of values. With `ShrunkenMean`, tasks have a random intercept,
            with `RidgePerTask` random slopes; a `GaussianProcess` has the model as its mean.

    Example:

    ```python
    import keras_meta
    from keras_meta import baselines

    waves = keras_meta.episodes.Sinusoid(num_shots=5).as_dataset(25, num_batches=2)
    pooled = keras_meta.networks.SinusoidMLP()
    intercepts = baselines.Residuals(pooled, baselines.ShrunkenMean(prior_rows=(0.0, 2.0)))
    assert intercepts.task_values(waves, "mse").shape == (50, 2)
    ```
    """

    def __init__(self, model, method):
        super().__init__()
        self.model = model
        self.method = method

    @property
    def settings(self):
        return self.method.settings

    def predictions(self, inputs, loss):
        left = inputs["support_y"] - self.model(inputs["support_x"], training=False)
        learned = self.method.predictions({**inputs, "support_y": left}, loss)
        return self.model(inputs["query_x"], training=False)[None] + learned
