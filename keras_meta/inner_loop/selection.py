"""Which weights of a model the inner steps change."""

from keras_meta.inner_loop.layers import layers_with_weights, sublayers


def select(variables, model, adapt):
    """Returns the positions in `variables` of the weights that `adapt` names."""
    if callable(adapt):
        chosen = [i for i, variable in enumerate(variables) if adapt(variable)]
    elif adapt == "all":
        chosen = list(range(len(variables)))
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
                "`adapt` must be 'all', 'head', 'body', a list of layer names, or a callable that "
                f"takes a variable. Received: adapt={adapt!r}."
            )
        inside = {id(v) for layer in layers for v in layer.trainable_variables}
        chosen = [i for i, v in enumerate(variables) if (id(v) in inside) != (adapt == "body")]
    if not chosen:
        raise ValueError(
            "`adapt` selects no trainable weight, so nothing would be learned from a support set. "
            f"Received: adapt={adapt!r} for a model with {[v.path for v in variables]}."
        )
    return chosen
