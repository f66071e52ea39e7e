"""A shared network whose channels are scaled and shifted for each task."""

import keras
import tensorflow as tf

from keras_meta.exact.layers import layers_with_weights
from keras_meta.generators.generated_network import GeneratedNetwork
from keras_meta.generators.skip_network import SkipNetwork

# Layers whose weights all have the output channels on their last axis.
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
    """A generated Keras model: each task scales and shifts the channels of a shared body.

    The pre-activation `z_l` of layer `l` becomes

        (1 + gamma_l) z_l + beta_l,        [gamma, beta] = h(task embedding)

    for each dense, convolutional or normalisation layer of the body that has a bias (or a shift).
    The same layer gives this with its weights multiplied by `1 + gamma_l` and `beta_l` added to its
    bias, so the generated network has the architecture of `model`. Leave out the bias of a layer
    that a normalisation follows: then only the normalisation is modulated. The head is generated
    output by output (see `GeneratedNetwork`). `h` starts at zero, so before training the body is
    that of `model`.

    Args:
        model: A built `keras.Model` with one output, which predicts for a single task. The
            generator trains its weights too.
        units: int. Width of the hidden layer of the hypernetwork.
        name: Optional name.
        generate_head: bool. Whether the head is generated output by output; otherwise, for outputs
            that mean the same in all tasks, it is scaled and shifted like other layers.
        **kwargs: `target_mean` and `target_scale`: see `GeneratedNetwork`.

    Raises:
        ValueError: If no layer of the body can be modulated, or the last layer with weights does
            not give the outputs of the model.

    Example:

    ```python
    import keras
    import keras_meta
    from keras_meta import generators

    features = keras.Sequential([keras.Input((1,)), keras.layers.Dense(40, "relu")])
    network = keras_meta.networks.SinusoidMLP()
    learner = keras_meta.learners.LearnerGenerator(features, generators.FiLM(network))
    learner.compile("adam", "mse")
    ```

    Reference:
        [Perez et al., 2018](https://arxiv.org/abs/1709.07871);
        [Requeima et al., 2019](https://arxiv.org/abs/1906.07697), for few-shot learning
    """

    def __init__(self, model, units=128, name=None, generate_head=True, **kwargs):
        super().__init__(model, units, name, generate_head, **kwargs)
        *body, head = layers_with_weights(model)
        self.modulated = modulated_layers(body if generate_head else [*body, head])
        self.body_variables = modulated_variables(self.modulated)

    def prepare(self, embedding_size, task_embedding_size, dtype):
        super().prepare(embedding_size, task_embedding_size, dtype)
        size = modulation_size(self.modulated)
        self.modulation = SkipNetwork(
            self.units, size, initializer="zeros", name="modulation", dtype=dtype
        )
        self.modulation.build((None, task_embedding_size))

    def get_config(self):
        return {**super().get_config(), "generate_head": self.generate_head}

    def generate_body(self, task):
        modulation = tf.cast(self.modulation(task[None])[0], self.modulation.variable_dtype)
        return modulate(self.modulated, modulation)


def modulated_layers(layers):
    """Returns those layers whose channels can be scaled and shifted.

    They have exactly two weights: a kernel or scale, and a bias or shift.

    Args:
        layers: List of `keras.layers.Layer`.

    Raises:
        ValueError: If there are none.
    """
    modulated = [
        layer
        for layer in layers
        if isinstance(layer, _MODULATED) and len(layer.trainable_variables) == 2
    ]
    if not modulated:
        raise ValueError(
            "No layer of the body can be modulated. FiLM needs a dense or convolutional layer "
            "with a bias, or a normalisation layer with a scale and a shift. "
            f"Received: the layers with weights {[layer.name for layer in layers]}."
        )
    return modulated


def modulated_variables(layers):
    """Returns the variables of modulated layers, in the order of what `modulate` returns."""
    return [variable for layer in layers for variable in layer.trainable_variables]


def modulation_size(layers):
    """Number of scales and shifts, one of each for each channel of modulated layers."""
    return 2 * sum(_channels(layers))


def modulate(layers, modulation):
    """Returns the weights with which layers give scaled and shifted pre-activations.

        (1 + gamma) (W x + b) + beta = ((1 + gamma) W) x + ((1 + gamma) b + beta)

    Args:
        layers: List of layers, from `modulated_layers`.
        modulation: Tensor `[modulation_size(layers)]`: all `gamma`, then all `beta`.

    Returns:
        List of tensors, in the order of `modulated_variables(layers)`.
    """
    gammas, betas = (tf.split(x, _channels(layers)) for x in tf.split(modulation, 2))
    weights = []
    for layer, gamma, beta in zip(layers, gammas, betas, strict=True):
        weight, bias = (variable.value for variable in layer.trainable_variables)
        weights += [(1.0 + gamma) * weight, (1.0 + gamma) * bias + beta]
    return weights


def _channels(layers):
    return [layer.trainable_variables[0].shape[-1] for layer in layers]
