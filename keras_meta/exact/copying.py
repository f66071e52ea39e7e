"""Copies of Keras models, complete with what their configuration leaves out."""

import tempfile

import keras

from keras_meta.exact import private


def clone(model):
    """Returns a copy of `model` with the same weights and state.

    Raises:
        ValueError: If the model cannot be rebuilt from its configuration.
    """
    try:
        copy = keras.saving.deserialize_keras_object(serialize(model))
        for source, target in zip(model.variables, copy.variables, strict=True):
            target.assign(source)
        layers = zip(private.sublayers(model), private.sublayers(copy), strict=True)
        for source, target in layers:
            _copy_state_beside_variables(source, target)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise ValueError(
            "The model could not be copied for the task. Define a `get_config()` in the subclass "
            "that returns its constructor's arguments, and register it with "
            f"`keras.saving.register_keras_serializable`. Received: model {model.name!r} of type "
            f"{type(model).__name__}: {error}"
        ) from error
    return copy


def _copy_state_beside_variables(source, target):
    if hasattr(source, "save_assets"):  # such as a vocabulary, with weights of its words
        store = {}
        source.save_own_variables(store)
        target.load_own_variables(store)
        with tempfile.TemporaryDirectory() as folder:
            source.save_assets(folder)
            target.load_assets(folder)
    if isinstance(target, keras.layers.Normalization):
        target.finalize_state()  # computes constants from the variables


def serialize(model):
    """Returns a configuration from which `keras.saving.deserialize_keras_object` makes a model.

    A layer around other layers is usually configured by its own arguments alone, such as the number
    of blocks of a backbone. So the configuration of Keras forgets which of the inner layers were
    frozen, and on which `enable_lora` was called. This one contains it.

    Args:
        model: A built `keras.Model`.

    Returns:
        dict.

    Example:

    ```python
    import keras
    from keras_meta.exact import copying

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.layers[0].enable_lora(rank=1)
    model.layers[0].bias.trainable = False
    copy = keras.saving.deserialize_keras_object(copying.serialize(model))
    assert [v.name for v in copy.trainable_variables] == ["lora_kernel_a", "lora_kernel_b"]
    ```
    """
    layers = private.sublayers(model)
    settings = [private.lora_settings(layer) for layer in layers]
    config = keras.saving.serialize_keras_object(model)
    if not any(settings) and all(layer.trainable for layer in layers):
        return config
    changed = ChangedModel(
        model=config,
        lora={str(number): pair for number, pair in enumerate(settings) if pair},
        frozen_layers=[number for number, layer in enumerate(layers) if not layer.trainable],
        frozen_variables=[number for number, v in enumerate(model.variables) if not v.trainable],
    )
    return keras.saving.serialize_keras_object(changed)


@keras.saving.register_keras_serializable("keras_meta")
class ChangedModel:
    """The configuration of a model that was changed after it was built.

    Deserialising it gives the model. Layers are numbered as in `sublayers`, at every depth.

    Args:
        model: dict, the configuration of the model by Keras.
        lora: dict, number of a layer to the rank and alpha of its LoRA weights.
        frozen_layers: List of the numbers of layers that are not trainable.
        frozen_variables: List of the positions of variables that are not trainable.
    """

    def __init__(self, **config):
        self.config = config

    def get_config(self):
        return self.config

    @classmethod
    def from_config(cls, config):
        """Returns the model."""
        model = keras.saving.deserialize_keras_object(config["model"])
        layers = private.sublayers(model)
        for number, layer in enumerate(layers):
            trainable = number not in config["frozen_layers"]
            if layer.trainable != trainable:
                layer.trainable = trainable  # that of inner layers, too, whose turn comes later
        for number, (rank, alpha) in config["lora"].items():
            layer = layers[int(number)]
            if private.lora_settings(layer) is None:
                layer.enable_lora(rank, lora_alpha=alpha)
        # Freezing layers and enabling LoRA has changed some.
        for number, variable in enumerate(model.variables):
            variable.trainable = number not in config["frozen_variables"]
        return model
