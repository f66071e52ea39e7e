"""Which weights of a model the inner steps change."""

import keras

from keras_meta.inner_loop.layers import layers_with_weights, sublayers

_NORMALIZATIONS = (
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
    keras.layers.RMSNormalization,
)


def _scales(layer):
    """The factors and shifts of a normalisation layer."""
    return layer.trainable_variables if isinstance(layer, _NORMALIZATIONS) else []


def select(variables, model, adapt):
    """Returns the positions in `variables` of the weights that `adapt` names."""
    if callable(adapt):
        chosen = [i for i, variable in enumerate(variables) if adapt(variable)]
    elif adapt == "all":
        chosen = list(range(len(variables)))
    elif adapt == "scales":
        scales = {id(v) for layer in sublayers(model) for v in _scales(layer)}
        chosen = [i for i, variable in enumerate(variables) if id(variable) in scales]
    elif adapt == "lora":
        chosen = [i for i, variable in enumerate(variables) if "lora_" in variable.name]
    else:
        head = layers_with_weights(model)[-1]
        if adapt in ("head", "body"):
            layers = [head]
        elif isinstance(adapt, (list, tuple)) and all(isinstance(name, str) for name in adapt):
            by_name = {layer.name: layer for layer in sublayers(model)}
            unknown = [name for name in adapt if name not in by_name]
            if unknown:
                raise ValueError(
                    f"`adapt` names layers that the model does not have: {unknown}. Its layers "
                    f"are {list(by_name)}. Received: adapt={adapt!r}."
                )
            layers = [by_name[name] for name in adapt]
        else:
            raise ValueError(
                "`adapt` must be 'all', 'head', 'body', 'scales', 'lora', a list of layer "
                f"names, or a callable that takes a variable. Received: adapt={adapt!r}."
            )
        inside = {id(v) for layer in layers for v in layer.trainable_variables}
        chosen = [i for i, v in enumerate(variables) if (id(v) in inside) != (adapt == "body")]
    if not chosen:
        raise ValueError(
            "`adapt` selects no trainable weight, so nothing would be learned from a support set. "
            f"Received: adapt={adapt!r} for a model with {[v.path for v in variables]}."
        )
    return chosen
