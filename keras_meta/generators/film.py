"""A shared network, modulated for each task."""

import keras
import tensorflow as tf

from keras_meta.exact.layers import layers_with_weights
from keras_meta.generators.generated_network import GeneratedNetwork
from keras_meta.generators.skip_network import SkipNetwork

# Layers of which the last axis of each weight counts output channels.
_MODULATED = (
    keras.layers.Dense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
)


@keras.saving.register_keras_serializable("keras_meta")
class FiLM(GeneratedNetwork):
    """A Keras model to be written: channels of a shared body are scaled and shifted for the task.

    What layer `l` gives before its activation, `z_l`, becomes

        (1 + gamma_l) z_l + beta_l,        [gamma, beta] = h(task embedding)

    for each dense, convolutional or normalisation layer of the body that has a bias (or a shift):
    that is the layer with `(1 + gamma_l)` times its weights and `beta_l` more bias, so the learner
    is a network like the one given. Where a normalisation follows a layer, leave out the bias of
    that layer. The head is generated output by output (see `GeneratedNetwork`). Before training
    `h` is zero.

    Args:
        model: A built `keras.Model` with one output, for one task. It is part of the generator.
        units: int. Width of the hidden layer of the hypernetwork.
        name: Optional name.

    Raises:
        ValueError: If no layer of the body can be modulated, or the outputs of the last layer are
            not those of the model.

    Example:

    ```python
    import keras
    import keras_meta
    from keras_meta import generators

    features = keras.Sequential([keras.Input((1,)), keras.layers.Dense(40, "relu")])
    network = keras_meta.networks.SinusoidMLP()
    learner = keras_meta.learners.LearnerGenerator(features, generators.FiLM(network))
    learner.compile("adam", "mse")
    learner.fit(keras_meta.episodes.Sinusoid().as_dataset(25), steps_per_epoch=5, verbose=0)
    ```

    Reference:
        [Perez et al., 2018](https://arxiv.org/abs/1709.07871);
        [Requeima et al., 2019](https://arxiv.org/abs/1906.07697), for few-shot learning
    """

    def __init__(self, model, units=128, name=None):
        super().__init__(model, units, name)
        head = layers_with_weights(model)[-1]
        self.modulated = [
            layer for layer in layers_with_weights(model) if layer is not head and _has_shift(layer)
        ]
        if not self.modulated:
            raise ValueError(
                "No layer of the body can be modulated: it takes a dense, convolutional or "
                "normalisation layer that has a bias (a normalisation: a scale and a shift). "
                f"Received: model {model.name!r} with layers {[x.name for x in model.layers]}."
            )
        self.body_variables = [v for layer in self.modulated for v in layer.trainable_variables]
        self.channels = [layer.trainable_variables[0].shape[-1] for layer in self.modulated]

    def prepare(self, embedding_size, task_embedding_size, dtype):
        super().prepare(embedding_size, task_embedding_size, dtype)
        self.modulation = SkipNetwork(
            self.units, 2 * sum(self.channels), initializer="zeros", name="modulation", dtype=dtype
        )
        self.modulation.build((None, task_embedding_size))

    def generate_body(self, task):
        written = tf.cast(self.modulation(task[None])[0], self.modulation.variable_dtype)
        gammas, betas = (tf.split(x, self.channels) for x in tf.split(written, 2))
        weights = []
        for layer, gamma, beta in zip(self.modulated, gammas, betas, strict=True):
            weight, bias = (variable.value for variable in layer.trainable_variables)
            weights += [(1.0 + gamma) * weight, (1.0 + gamma) * bias + beta]
        return weights


def _has_shift(layer):
    """Whether the weights of a layer are a scale or kernel, and a shift or bias."""
    return isinstance(layer, _MODULATED) and len(layer.trainable_variables) == 2
