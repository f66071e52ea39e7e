"""A network with a context before its head."""

import keras

from keras_meta.exact.layers import layers_with_weights
from keras_meta.layers.context import ContextFiLM


def with_context(model, size=16):
    """A model with a context that scales and shifts the features before its head.

    With the body `f` and the head `h` of the model, and a context `c` that starts at zero,

        h((1 + g) f(x) + b),    [g, b] = c A

    It shares the layers of `model`, and before adaptation it predicts the same.

    Args:
        model: A built Sequential or functional `keras.Model`, such as a classifier.
        size: int. Length of the context.

    Returns:
        A functional `keras.Model`, for `keras_meta.learners.CAVIA`.

    Raises:
        ValueError: If `model` is subclassed.

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
    head = layers_with_weights(model)[-1]
    modulation = ContextFiLM(size, name="context", dtype=head.dtype_policy)

    def call(layer, x, *args, **kwargs):
        return layer(modulation(x) if layer is head else x, *args, **kwargs)

    inputs = model.inputs[0] if len(model.inputs) == 1 else model.inputs
    extended = keras.models.clone_model(
        keras.Model(inputs, model.outputs[0], name=model.name),
        clone_function=lambda layer: layer,
        call_function=call,
    )
    extended.dtype_policy = model.dtype_policy
    return extended
