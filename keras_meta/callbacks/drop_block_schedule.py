"""A rate of `DropBlock` that grows during training."""

import keras

from keras_meta.exact.private import sublayers
from keras_meta.layers.drop_block import DropBlock


class DropBlockSchedule(keras.callbacks.Callback):
    """Lets the rates of all `DropBlock` layers of a model grow from 0 to those they were made with.

    At step `t` of the optimizer, the rate in effect is

        rate min(1, t / steps)

    so that an interrupted run continues as if it had not been interrupted. With
    `steps_per_execution` the rate changes once per execution.

    Args:
        steps: int. Number of steps until the full rate is reached.

    Raises:
        ValueError: If `steps` is below 1, or the model has no `DropBlock` layer.

    Example:

    ```python
    import keras_meta

    body = keras_meta.networks.ResNet12(input_shape=(16, 16, 3), filters=(2, 2, 4, 4))
    learner = keras_meta.learners.PrototypicalNetwork(body)
    schedule = keras_meta.callbacks.DropBlockSchedule(steps=40_000)  # for `learner.fit`
    ```

    Reference:
        [Ghiasi et al., 2018](https://arxiv.org/abs/1810.12890)
    """

    def __init__(self, steps):
        super().__init__()
        if steps < 1:
            raise ValueError(f"`steps` must be at least 1. Received: steps={steps}.")
        self.steps = steps

    def on_train_begin(self, logs=None):
        if not self._layers():
            raise ValueError(
                "The model has no `DropBlock` layer, whose rate could grow. Received: model "
                f"{self.model.name!r}."
            )

    def on_train_batch_begin(self, batch, logs=None):
        # Of replicas, a variable itself is no number.
        step = int(keras.ops.cast(self.model.optimizer.iterations, "int64"))
        progress = min(1.0, step / self.steps)
        for layer in self._layers():
            layer.current_rate.assign(layer.rate * progress)

    def _layers(self):
        return [layer for layer in sublayers(self.model) if isinstance(layer, DropBlock)]
