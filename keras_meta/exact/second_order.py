"""Finds operations through which a second derivative cannot pass."""

import collections
import re

import tensorflow as tf

from keras_meta.exact.layers import sublayers

Problem = collections.namedtuple("Problem", ["layer", "operation", "remedy"])

_RESIZE = "Use nearest upsampling (`interpolation='nearest'`) or a transposed convolution."
_RECURRENT = "Give the layer `use_cudnn=False`."
# TensorFlow registers a gradient for these operations but none for that gradient, or marks it as
# not differentiable, in which case the second derivative is silently zero.
REMEDIES = {
    "ResizeBilinear": _RESIZE,
    "ResizeBicubic": _RESIZE,
    "ScaleAndTranslate": _RESIZE,
    "CropAndResize": "Crop before the first layer with weights.",
    "Softsign": "Use another activation, such as 'tanh'.",
    "LRN": "Use a normalisation layer, such as `GroupNormalization`.",
    "CudnnRNN": _RECURRENT,
    "CudnnRNNV2": _RECURRENT,
    "CudnnRNNV3": _RECURRENT,
}


def nested_graphs(operation):
    """The graphs of the functions that `operation` calls: loop bodies, branches."""
    for value in operation.node_def.attr.values():
        names = [value.func.name] if value.func.name else [f.name for f in value.list.func]
        for name in names:
            function = operation.graph._functions.get(name)
            if function is not None and getattr(function, "graph", None) is not None:
                yield function.graph


def _reachable(graph, sources):
    """Operations of `graph` that depend on the tensors `sources`."""
    reached = {id(tensor) for tensor in sources}
    for operation in graph.get_operations():  # in the order they were made: inputs come first
        if any(id(tensor) in reached for tensor in operation.inputs):
            reached.update(id(tensor) for tensor in operation.outputs)
            yield operation


def trace(function_model, features_spec):
    """Returns the graph of one training pass, and the tensors in it that stand for the weights."""
    weight_specs = [tf.TensorSpec(v.shape, v.dtype) for v in function_model.trainable_variables]

    @tf.function(autograph=False)
    def forward(weights, x):
        return function_model(x, weights, training=True).predictions

    graph = forward.get_concrete_function(weight_specs, features_spec).graph
    return graph, graph.inputs[: len(weight_specs)]


def problems(function_model, features_spec):
    """Lists the operations of a model that have no second derivative in its weights.

    What comes before the first weight, such as resizing an input image, does no harm and is not
    listed.

    Args:
        function_model: A `FunctionalModel`.
        features_spec: Nest of `tf.TensorSpec`, the model's input with its batch axis.

    Returns:
        List of `Problem(layer, operation, remedy)`.
    """
    graph, weights = trace(function_model, features_spec)
    names = {layer.name for layer in sublayers(function_model.model)}
    found = []

    def inspect(operations, layer):
        for operation in operations:
            # A scope that is entered again carries a number: `dense`, `dense_1`.
            parts = operation.name.split("/")
            parts = [part if part in names else re.sub(r"_\d+$", "", part) for part in parts]
            inside = [part for part in parts if part in names]
            name = inside[-1] if inside else layer
            if operation.type in REMEDIES:
                found.append(Problem(name, operation.type, REMEDIES[operation.type]))
            for nested in nested_graphs(operation):
                inspect(nested.get_operations(), name)

    inspect(_reachable(graph, weights), function_model.model.name)
    return list(dict.fromkeys(found))
