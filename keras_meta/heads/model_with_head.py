"""An embedding with a per-task linear head."""

import tensorflow as tf

from keras_meta.inner_loop.functional import FunctionalModel


class ModelWithHead(FunctionalModel):
    """An embedding `f` with a linear head: `f(x) W + b`.

    `W` and `b` are the last two of its weights. They belong to a task, and the model has no
    variables for them.
    """

    def initial_weights(self):
        """Returns the embedding's current weights, followed by `None` for `W` and `b`."""
        return [*super().initial_weights(), None, None]

    def regularization(self, weights):
        """Returns the sum of the embedding's weight regularizers."""
        return super().regularization(weights[:-2])

    def embed(self, x, weights, *args, **kwargs):
        """Runs the embedding alone. See `FunctionalModel`."""
        return super().__call__(x, weights[:-2], *args, **kwargs)

    def __call__(self, x, weights, *args, **kwargs):
        """Runs the embedding and the head. See `FunctionalModel`."""
        kernel, bias = weights[-2:]
        output = self.embed(x, weights, *args, **kwargs)
        logits = tf.matmul(tf.cast(output.predictions, kernel.dtype), kernel) + bias
        return output._replace(predictions=logits)
