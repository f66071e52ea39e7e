"""The layers of a model, at every depth."""

from keras_meta.exact.private import sublayers


def layers_with_weights(model):
    """Returns the innermost layers that own trainable weights, from input to output."""
    return [
        layer
        for layer in sublayers(model)
        if layer.trainable_weights
        and not any(inner.trainable_weights for inner in sublayers(layer))
    ]


def layer_numbers(model, variables):
    """Returns the number of the layer of each variable, counting the layers that have some."""
    owner = {
        id(v): id(layer) for layer in layers_with_weights(model) for v in layer.trainable_weights
    }
    # A variable held by a layer around other layers is a layer of its own.
    owners = [owner.get(id(v), id(v)) for v in variables]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(owners))}
    return [numbers[key] for key in owners]
