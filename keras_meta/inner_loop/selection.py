"""Selection of the weights that the inner steps change."""

import keras

from keras_meta.exact import private
from keras_meta.exact.layers import layers_with_weights, sublayers
from keras_meta.layers.context import CONTEXT

_NORMALIZATIONS = (
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
    keras.layers.RMSNormalization,
)


def select(variables, model, adapted_weights):
    """Returns the positions in `variables` of the weights that `adapted_weights` selects.

    Args:
        variables: The trainable variables of `model`.
        model: A built `keras.Model`.
        adapted_weights: `"all"`, `"head"`, `"body"`, `"scales"`, `"lora"`, `"context"`, a list of
            layer names, or a callable that takes a variable and returns a bool.

    Returns:
        List of ints.

    Raises:
        ValueError: If it selects no weight.
    """
    adapts = _rule(model, adapted_weights)
    chosen = [i for i, variable in enumerate(variables) if adapts(variable)]
    if not chosen:
        raise ValueError(
            "`adapted_weights` selects no trainable weight, so nothing would be learned from "
            f"a support set. Received: adapted_weights={adapted_weights!r} for a model with "
            f"{[v.path for v in variables]}."
        )
    return chosen


def _rule(model, adapted_weights):
    """Returns a function from a variable to whether it adapts."""
    if callable(adapted_weights):
        return adapted_weights
    if adapted_weights == "all":
        return lambda variable: True
    if adapted_weights == "lora":
        return private.is_lora
    if adapted_weights == "context":
        return lambda variable: variable.name == CONTEXT
    if adapted_weights == "scales":
        return _within(x for x in sublayers(model) if isinstance(x, _NORMALIZATIONS))
    if adapted_weights in ("head", "body"):
        in_head = _within(layers_with_weights(model)[-1:])
        return in_head if adapted_weights == "head" else lambda variable: not in_head(variable)
    return _within(_named(model, adapted_weights))


def _within(layers):
    inside = {id(variable) for layer in layers for variable in layer.trainable_variables}
    return lambda variable: id(variable) in inside


def _named(model, names):
    """Returns the layers with these names."""
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise ValueError(
            "`adapted_weights` must be 'all', 'head', 'body', 'scales', 'lora', 'context', a list "
            "of layer names, or a callable that takes a variable. "
            f"Received: adapted_weights={names!r}."
        )
    by_name = {layer.name: layer for layer in sublayers(model)}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise ValueError(
            f"`adapted_weights` names layers that the model does not have: {unknown}. Its layers "
            f"are {list(by_name)}. Received: adapted_weights={names!r}."
        )
    return [by_name[name] for name in names]
