"""Finds operations through which a second derivative cannot pass."""

import collections
import re

import keras
import tensorflow as tf

from keras_meta.exact import private
from keras_meta.exact.private import nested_graphs as nested_graphs
from keras_meta.exact.private import sublayers
from keras_meta.exact.replacement import replaced

Problem = collections.namedtuple("Problem", ["layer", "operation", "remedy"])

_RESIZE = "Use nearest upsampling (`interpolation='nearest'`) or a transposed convolution."
_RECURRENT = "Give the layer `use_cudnn=False`."
# What to do about operations that layers of Keras use.
REMEDIES = {
    "ResizeBilinear": _RESIZE,
    "ResizeBicubic": _RESIZE,
    "ResizeNearestNeighbor": _RESIZE,
    "ScaleAndTranslate": _RESIZE,
    "CropAndResize": "Crop before the first layer with weights.",
    "Softsign": "Use another activation, such as 'tanh'.",
    "LRN": "Use a normalisation layer, such as `GroupNormalization`.",
    "CudnnRNN": _RECURRENT,
    "CudnnRNNV2": _RECURRENT,
    "CudnnRNNV3": _RECURRENT,
    "moments": "Enter `keras_meta.exact.second_derivatives()`.",
}
_OTHERS = "Use another layer, or this one before the first layer with weights."

# The name scope of a layer.
_SCOPE = "layer.{}."

# Their derivative is zero by their meaning, and not for want of one.
_CONSTANT = ("ZerosLike", "OnesLike", "StopGradient")


def second_order_problems(model, features_spec=None):
    """Lists the operations of a Keras model whose second derivatives are wrong or missing.

    To differentiate a gradient, TensorFlow needs a derivative of each operation in that gradient.
    Where none is registered, it raises `LookupError`. Where an operation is registered as a
    constant although it is none, or stops a gradient in its midst as `tf.nn.moments` does, the
    result is wrong and nothing is said.

    The check traces the gradient

        g(w) = d/dw sum(sin f(x; w))

    of the model `f`, called in training, in its trainable weights `w`. The sine stands for a loss:
    with it, the derivative in the outputs depends on them. Then it looks up, for each operation
    through which `g` depends on `w`, those in loops and branches included, whether TensorFlow has
    its derivative. Nothing is computed, and the model is left as it is.

    A model without problems has right second derivatives in its weights, in tapes of your own, as
    far as those that TensorFlow has are right. Out of the check's sight are

    *   gradients that are stopped by design, as in `SpectralNormalization`, and derivatives written
        by hand with `tf.custom_gradient`,
    *   what stands between the features and the first layer with weights, such as resizing an
        image: no derivative in the weights goes through it, but one in the features does,
    *   the loss, and what the model does only outside training.

    Inside `keras_meta.exact.second_derivatives()` the model is checked as it is there.

    Args:
        model: A built `keras.Model`, of any kind. It need not belong to a learner.
        features_spec: Nest of `tf.TensorSpec`, what the model takes, with its batch axis. Defaults
            to the inputs of a Sequential or functional model.

    Returns:
        List of `Problem(layer, operation, remedy)`, three strings each: the name of the innermost
        layer, the operation, and what to use in its place. In the order of the layers; empty if
        there is none.

    Raises:
        ValueError: If the model is not built, or it is subclassed and `features_spec` is missing.

    Example:

    ```python
    import keras
    from keras_meta import exact

    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, "softsign", name="hidden"),
            keras.layers.BatchNormalization(name="normal"),
            keras.layers.Dense(1),
        ]
    )
    problems = exact.second_order_problems(model)
    assert [(p.layer, p.operation) for p in problems] == [
        ("hidden", "Softsign"),
        ("normal", "moments"),
    ]
    with exact.second_derivatives():
        assert exact.second_order_problems(model) == []
    ```
    """
    if not model.built:
        raise ValueError(
            "`model` must be built: start it with `keras.Input(shape)`, or call it once on a batch "
            f"of features. Received: model {model.name!r}, which is not built."
        )
    if features_spec is None:
        features_spec = keras.tree.map_structure(
            lambda x: tf.TensorSpec(x.shape, x.dtype), private.inputs_structure(model)
        )
    variables = model.trainable_variables

    def call(x, weights):
        with keras.StatelessScope(state_mapping=zip(variables, weights, strict=True)):
            return model(x, training=True)

    return _problems(call, model, variables, features_spec)


def problems(function_model, features_spec):
    """Lists the problems of a model as a learner calls it. See `second_order_problems`.

    Args:
        function_model: A `FunctionalModel`.
        features_spec: Nest of `tf.TensorSpec`, the model's input with its batch axis.

    Returns:
        List of `Problem(layer, operation, remedy)`.
    """

    def call(x, weights):
        return function_model(x, weights, training=True).predictions

    variables = function_model.trainable_variables
    return _problems(call, function_model.model, variables, features_spec)


def _problems(call, model, variables, features_spec):
    layers = sublayers(model)
    found = []

    def inspect(operations, layer):
        for operation in operations:
            inside = re.findall(_SCOPE.format(r"(\d+)"), operation.name)
            name = layers[int(inside[-1])].name if inside else layer
            kind = _problem(operation)
            if kind:
                found.append(Problem(name, kind, REMEDIES.get(kind, _OTHERS)))
            for graph in nested_graphs(operation):
                inspect(_between(graph, graph.inputs, graph.outputs), name)

    with replaced([_in_scope(layer, number) for number, layer in enumerate(layers)]):
        function = _gradient_function(call, variables, features_spec)
    weights = function.inputs[: len(variables)]
    inspect(_between(function.graph, weights, function.outputs), model.name)
    order = [model.name, *(layer.name for layer in layers)]
    return sorted(dict.fromkeys(found), key=lambda problem: order.index(problem.layer))


def _in_scope(layer, number):
    """What to replace for the operations of a layer, and their gradients, to carry its number.

    By themselves they carry its name with a number that another layer may have in its name.
    """
    stock = layer.call

    def call(*args, **kwargs):
        with tf.name_scope(_SCOPE.format(number)):
            return stock(*args, **kwargs)

    return layer, private.CALL, call


def _gradient_function(call, variables, features_spec):
    """Traces the gradient of some nonlinear function of a model's outputs in its weights."""

    @tf.function(autograph=False)
    def gradient(weights, x):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            outputs = [y for y in keras.tree.flatten(call(x, weights)) if y.dtype.is_floating]
            losses = [tf.reduce_sum(tf.sin(tf.cast(y, "float32"))) for y in outputs]
            loss = sum(losses, start=tf.constant(0.0))
        return tape.gradient(loss, weights)

    weight_specs = [tf.TensorSpec(v.shape, v.dtype) for v in variables]
    return gradient.get_concrete_function(weight_specs, features_spec)


def _between(graph, sources, results):
    """Operations of `graph` by which the tensors `results` depend on the tensors `sources`."""
    operations = graph.get_operations()  # in the order they were made: inputs come first
    reached = {id(tensor) for tensor in sources}
    forward = []
    for operation in operations:
        if any(id(tensor) in reached for tensor in operation.inputs):
            forward.append(operation)
            reached.update(id(tensor) for tensor in operation.outputs if _has_derivatives(tensor))
    needed = {id(tensor) for tensor in results}
    between = []
    for operation in reversed(forward):
        if any(id(tensor) in needed for tensor in operation.outputs):
            between.append(operation)
            needed.update(id(tensor) for tensor in operation.inputs if _has_derivatives(tensor))
    return between[::-1]


def _has_derivatives(tensor):
    # A list of tensors, as loops keep them, is a variant.
    return tensor.dtype.is_floating or tensor.dtype.is_complex or tensor.dtype == tf.variant


def _problem(operation):
    """Returns what stands in the way of derivatives of this operation, or `None`."""
    if private.has_derivative(operation):
        return None
    if operation.type in _CONSTANT:
        return "moments" if _is_mean_of_moments(operation) else None
    # The operation of the gradient is named after the one whose gradient it computes.
    return re.sub(r"Grad.*|Backprop", "", operation.type) or operation.type


def _is_mean_of_moments(operation):
    """Whether this stops the gradient of a mean around which a variance is computed."""
    mean = operation.inputs[0].op
    return mean.type == "Mean" and any(
        consumer.type == "SquaredDifference" and mean.inputs[0] is other
        for consumer in operation.outputs[0].consumers()
        for other in consumer.inputs
    )
