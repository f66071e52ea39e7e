"""The embedding of a network, without its head."""

import keras

from keras_meta.exact import private
from keras_meta.exact.layers import layers_with_weights


def embedding(model):
    """Returns the part of a model before its last layer with weights.

    It shares its layers with `model`, so training one changes the other. The networks of this
    package can be built as embeddings directly, for example with `Conv4(num_ways=None)`.

    Args:
        model: A built Sequential or functional `keras.Model`, such as a classifier.

    Returns:
        A `keras.Model` from examples `[n, ...]` to the inputs of the last layer with weights.

    Raises:
        ValueError: If `model` is subclassed.

    Example:

    ```python
    import keras_meta

    classifier = keras_meta.networks.Conv4(num_ways=5, filters=4)
    assert keras_meta.networks.embedding(classifier).output_shape == (None, 4)
    ```
    """
    if not getattr(model, "inputs", None):
        raise ValueError(
            "The head of a subclassed model cannot be separated from its body. Pass a Sequential "
            f"or functional model. Received: {model.name!r} of type {type(model).__name__}."
        )
    body = keras.Model(
        private.inputs_structure(model), layers_with_weights(model)[-1].input, name="embedding"
    )
    # Otherwise it would be the global policy, whatever its layers compute in.
    body.dtype_policy = model.dtype_policy
    return body
