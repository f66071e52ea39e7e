"""A trained learner as a baseline."""

from keras_meta.baselines.baseline_method import BaselineMethod


class OfLearner(BaselineMethod):
    """A trained learner as a method to mix or to choose from.

    Args:
        learner: A compiled `MetaLearner`.

    Example:

    ```python
    import keras_meta

    learner = keras_meta.learners.MAML(keras_meta.networks.SinusoidMLP(), 0.01)
    learner.compile("adam", "mse")
    waves = keras_meta.episodes.Sinusoid(num_shots=5).as_dataset(25, num_batches=2)
    assert keras_meta.baselines.OfLearner(learner).task_values(waves, "mse").shape == (50, 1)
    ```
    """

    def __init__(self, learner):
        super().__init__()
        self.learner = learner

    @property
    def settings(self):
        return [self.learner.name]

    def predictions(self, inputs, loss):
        del loss
        state = self.learner.adapt_task(inputs["support_x"], inputs["support_y"])
        return self.learner.predict_task(state, inputs["query_x"]).predictions[None]
