"""LoRA weights that survive copying and saving."""

import keras

from keras_meta.exact import private


def lora_layers(model):
    """Returns the layers of `model`, at every depth, on which `enable_lora` was called."""
    return [x for x in private.sublayers(model) if private.lora_settings(x) is not None]


class UnmergedLora(keras.layers.Layer):
    """Saves and restores layers with LoRA weights as they are.

    With the kernel `W` and the LoRA weights `A` and `B`, Keras writes `W + A B` to the file of such
    a layer, and after loading `A = B = 0`. Predictions are the same, but the derivatives in `A` and
    in `B` are zero, so that the layer no longer learns. A model that has this layer as an attribute
    writes `W`, `A` and `B` once more, and restores them, if Keras visits the attribute after the
    layers.

    Args:
        saved_variables: Callable that returns the variables. The layer does not hold them itself,
            because Keras would visit what it holds.
        **kwargs: See `keras.layers.Layer`.
    """

    def __init__(self, saved_variables, **kwargs):
        super().__init__(**kwargs)
        self.saved_variables = saved_variables
        self.built = True

    def save_own_variables(self, store):
        for index, variable in enumerate(self.saved_variables()):
            store[str(index)] = variable

    def load_own_variables(self, store):
        for index, variable in enumerate(self.saved_variables()):
            variable.assign(store[str(index)])


def unmerged(model):
    """Returns an `UnmergedLora` of `model`, or `None` if no layer has LoRA weights."""

    def variables():
        return [variable for layer in lora_layers(model) for variable in layer.variables]

    return UnmergedLora(variables) if variables() else None
