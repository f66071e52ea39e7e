"""Checks of the model that is passed to a learner."""

import keras
import tensorflow as tf

from keras_meta.exact import private, second_order
from keras_meta.exact.layers import sublayers
from keras_meta.exact.normalization import batch_normalizations
from keras_meta.inner_loop.functional import FunctionalModel


def check_model(model):
    """Raises if `model` cannot be meta-learned: not a built Keras model with trainable weights."""
    if not isinstance(model, keras.Model):
        raise TypeError(
            "`model` must be a `keras.Model`. Received: "
            f"{model!r} (of type {type(model).__name__})."
        )
    # `TextVectorization` uses its lookup, which has no weights, without building it.
    layers = [x for x in sublayers(model) if not isinstance(x, keras.layers.StringLookup)]
    unbuilt = [layer.name for layer in [*layers, model] if not layer.built]
    if unbuilt:
        raise ValueError(
            "`model` must be built: start it with `keras.Input(shape)`, or call it once on a batch "
            f"of features. Received: model {model.name!r} with unbuilt layers {unbuilt}."
        )
    if not model.trainable_variables:
        raise ValueError(
            "`model` has no trainable weights, so there is nothing to meta-learn. Unfreeze a "
            f"layer. Received: model {model.name!r} with {len(model.weights)} weights, all frozen."
        )
    batch_normalizations(model)  # raises for kinds that are undefined inside a task


def dtype_policy(model):
    """The policy of the model; `mixed_float16`, which needs loss scaling, if any layer has it."""
    for layer in sublayers(model):
        if layer.dtype_policy.name == "mixed_float16":
            return layer.dtype_policy
    return model.dtype_policy


def checked_policy(model, dtype=None):
    """Checks the model of a learner, and returns its dtype policy.

    Args:
        model: The `keras.Model`.
        dtype: `None`, or the name of the expected policy.

    Raises:
        ValueError: If the model cannot be meta-learned, or has another policy.
    """
    check_model(model)
    policy = dtype_policy(model)
    if dtype is not None and keras.dtype_policies.get(dtype).name != policy.name:
        raise ValueError(
            "A learner computes in the dtype policy of its model. Build the model with the "
            f"desired policy. Received: dtype={dtype!r} for a model with {policy.name!r}."
        )
    return policy


def features_spec(model):
    """Returns the nest of `tf.TensorSpec` of the inputs of a Sequential or functional model."""
    return keras.tree.map_structure(
        lambda x: tf.TensorSpec(x.shape, x.dtype), private.inputs_structure(model)
    )


def vector_shape(model):
    """Returns `(size,)` of the vectors that `model` outputs, or raises if it outputs none."""
    return (embedding_size(model),)


def embedding_shape(model):
    """Returns the shape of an embedded example, or raises if `model` does not determine it."""
    shape = getattr(model, "output_shape", None)
    if not isinstance(shape, tuple) or not all(isinstance(d, int) for d in (shape[1:] or [None])):
        raise ValueError(
            "`model` must embed examples in a known shape: a Sequential or functional model with "
            "one output, [n, embedding] or [n, height, width, channels]. "
            f"Received: model {model.name!r} with output shape {shape}."
        )
    return shape[1:]


def embedding_size(model, of_positions=False):
    """Returns the length of the vectors that `model` outputs, or raises if it outputs none.

    Args:
        model: A `keras.Model`.
        of_positions: bool. Whether it may output a vector for each position of a sequence.
    """
    shape = getattr(model, "output_shape", None)
    ranks = (2, 3) if of_positions else (2,)
    if not isinstance(shape, tuple) or len(shape) not in ranks or not isinstance(shape[-1], int):
        sequences = ", or [n, time, embedding] for sequences" if of_positions else ""
        raise ValueError(
            "`model` must embed an example as a vector of known length: a Sequential or functional "
            f"model with outputs [n, embedding]{sequences} (end it with `Flatten` or global "
            "pooling). "
            f"Received: model {model.name!r} with output shape {shape}."
        )
    return shape[-1]


def second_order_problems(learner, inputs):
    """Lists operations of a learner's model without a second derivative that it needs.

    Args:
        learner: An `EpisodicModel`.
        inputs: dict with the `"support_x"` of a batch of episodes.

    Returns:
        List of `Problem(layer, operation, remedy)`.
    """
    model = learner.inner_weights and learner.inner_weights.model
    if model is None or learner.first_order:
        return []
    spec = keras.tree.map_structure(
        lambda x: tf.TensorSpec([None, *x.shape[2:]], x.dtype), inputs["support_x"]
    )
    return second_order.problems(FunctionalModel(model), spec)


def check_second_order(learner, inputs):
    """Raises if there are `second_order_problems`."""
    found = second_order_problems(learner, inputs)
    if found:
        lines = [f"{p.operation} in layer {p.layer!r}: {p.remedy}" for p in found]
        raise ValueError(
            "The model has operations without a second derivative, so that the second-order "
            "meta-gradient would be wrong or missing. Replace them, or use first_order=True. "
            "Received: " + "; ".join(lines)
        )
