"""A network without its head."""

import keras

from keras_meta.exact.layers import layers_with_weights


def embedding(model):
    """The part of a model before its last layer with weights: examples to feature vectors.

    It shares the layers of `model`: what one learns, the other has. The networks of this package
    have an embedding form of their own, such as `Conv4(num_ways=None)`.

    Args:
        model: A built Sequential or functional `keras.Model`, such as a classifier.

    Returns:
        A `keras.Model` from features `[n, ...]` to what the last layer with weights takes.

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
            "The head of a subclassed model cannot be told from its body. Pass a Sequential or "
            f"functional model. Received: {model.name!r} of type {type(model).__name__}."
        )
    inputs = model.inputs[0] if len(model.inputs) == 1 else model.inputs
    return keras.Model(inputs, layers_with_weights(model)[-1].input, name="embedding")
