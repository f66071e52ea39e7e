"""A network with a context before its head, or before other layers."""

import keras

from keras_meta.exact import private
from keras_meta.exact.layers import layers_with_weights
from keras_meta.layers.context import ContextFiLM


def with_context(model, size=16, before=None):
    """A model with a context that scales and shifts the features before its head.

    With the body `f` and the head `h` of the model, and a context `c` that starts at zero,

        h((1 + g) f(x) + b),    [g, b] = c A

    It shares the layers of `model`, and before adaptation it predicts the same.

    Args:
        model: A built Sequential or functional `keras.Model`, such as a classifier.
        size: int. Length of the context.
        before: List of names of layers, each of which gets a context of its own; or `None` for the
            head alone.

    Returns:
        A functional `keras.Model`, for `keras_meta.learners.CAVIA`.

    Raises:
        ValueError: If `model` is subclassed, or has no layer of a name.

    Example:

    ```python
    import keras_meta
    from keras_meta.networks.with_context import with_context

    model = with_context(keras_meta.networks.Conv4(num_ways=5, filters=8))
    learner = keras_meta.learners.CAVIA(model, inner_learning_rate=1.0, inner_steps=2)
    ```

    Reference:
        [Zintgraf et al., 2019](https://arxiv.org/abs/1810.03642)
    """
    if not getattr(model, "inputs", None):
        raise ValueError(
            "The head of a subclassed model cannot be told from its body. Pass a Sequential or "
            f"functional model. Received: {model.name!r} of type {type(model).__name__}."
        )
    chosen = layers_with_weights(model)[-1:]
    if before is not None:
        chosen = [model.get_layer(name) for name in before]
    modulations = {
        layer.name: ContextFiLM(
            size,
            name="context" if before is None else f"context_of_{layer.name}",
            dtype=layer.dtype_policy,
        )
        for layer in chosen
    }

    def call(layer, x, *args, **kwargs):
        if layer.name in modulations:
            x = modulations[layer.name](x)
        return layer(x, *args, **kwargs)

    inputs = private.inputs_structure(model)
    extended = keras.models.clone_model(
        keras.Model(inputs, model.outputs[0], name=model.name),
        clone_function=lambda layer: layer,
        call_function=call,
    )
    extended.dtype_policy = model.dtype_policy
    return extended
