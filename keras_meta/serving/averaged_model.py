"""The mean of the predictions of several models."""

import keras
import tensorflow as tf

from keras_meta.exact.copying import serialize

AVERAGES = ("probabilities", "outputs")


def averaged(outputs, average):
    """Returns the mean of predictions.

    Args:
        outputs: List of tensors `[n, outputs]`.
        average: `"probabilities"` if they are logits, whose mean is that of the probabilities,
            `log(mean(softmax(outputs)))`; or `"outputs"` if it is that of the values.
    """
    stacked = tf.stack(outputs)
    if average == "outputs":
        return tf.reduce_mean(stacked, 0)
    return tf.reduce_logsumexp(tf.nn.log_softmax(stacked), 0) - tf.math.log(
        tf.cast(len(outputs), stacked.dtype)
    )


@keras.saving.register_keras_serializable("keras_meta")
class AveragedModel(keras.Model):
    """Predicts the mean of the predictions of other models.

    Args:
        models: List of built `keras.Model`, with the same inputs and outputs.
        average: `"probabilities"` or `"outputs"`. See `averaged`.
        name: Optional name.
    """

    def __init__(self, models, average="probabilities", name=None):
        super().__init__(name=name, dtype=models[0].dtype_policy, autocast=False)
        self.models = list(models)
        self.average = average
        self.built = True

    def call(self, inputs, training=False):
        return averaged([model(inputs, training=training) for model in self.models], self.average)

    def compute_output_shape(self, input_shape):
        return self.models[0].compute_output_shape(input_shape)

    def get_config(self):
        models = [serialize(model) for model in self.models]
        return {"models": models, "average": self.average, "name": self.name}

    @classmethod
    def from_config(cls, config):
        models = [keras.saving.deserialize_keras_object(model) for model in config["models"]]
        return cls(models, config["average"], config["name"])

    def get_build_config(self):
        return {}

    def build_from_config(self, config):
        del config
