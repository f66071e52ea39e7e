"""Every private, undocumented or patched name of Keras and TensorFlow, each with its reason.

Nothing else in the package reaches for one. `tests/exact/test_private.py` has a test for each that
fails when a release changes it, and `tests/test_private_names.py` finds those that stand elsewhere.
"""

import keras
import tensorflow as tf
from keras.src import backend
from tensorflow.python.framework import ops

from keras_meta.exact import replicas

# Names that are replaced, each a pair `(object, attribute name)`. Keras looks them up whenever it
# calls them, which is what makes a replacement reach layers that are not ours.

MOMENTS = (tf.nn, "moments")  # computes the variance around a mean whose gradient is stopped
RESIZE = (tf.image, "resize")  # has a first derivative, and no second
SOFTSIGN = (tf.nn, "softsign")  # has a first derivative, and no second
RELU = (tf.nn, "relu")  # LiteRT lacks its derivative
MAX_POOL = (tf.nn, "max_pool")  # LiteRT lacks its derivative
CONVOLUTION = (backend.nn, "conv")  # has a kernel gradient that is slow for few images
ATTENTION = (backend.nn, "dot_product_attention")  # contracts by `einsum`, and masks by selection

# Names that are replaced on single layers, which their classes look up on the instance.

CALL = "call"  # of `BatchNormalization`, which ties the choice of statistics to `training`
INNER_LOOP = "inner_loop"  # of `RNN`, where the length of the sequence is known

# For what the replacements leave to Keras.
stock_convolution = backend.nn.conv
stock_attention = backend.nn.dot_product_attention

_CLASS_NUMBERS = ("sparse", "categoricalgeneralizedcrossentropy")
_COMPILED_STEPS = ("train_function", "test_function", "predict_function")


def builds_by_replica(model_class):
    """Class decorator: a model builds metrics and optimizer by the batch of one replica.

    Under a strategy Keras builds them by the mean of a batch over replicas, which makes floats of
    integers, and which is refused between machines.
    """
    build = model_class._maybe_symbolic_build

    def build_by_replica(self, iterator=None, data_batch=None):
        if iterator is not None and has_strategy(self):
            _, _, batches = next(iter(iterator))
            data_batch = replicas.local_batch(self.distribute_strategy, next(batches))
            # Keras would give metrics the element itself, and not what the model scores of it.
            with self.distribute_strategy.scope():
                self.build_metrics(tf.nest.map_structure(tf.type_spec_from_value, data_batch))
        build(self, data_batch=data_batch)

    model_class._maybe_symbolic_build = build_by_replica
    return model_class


def sublayers(model):
    """Returns every layer inside `model`, nested ones included, in the order of the model.

    `model.layers` lists the top level alone, and misses layers held by a custom layer. Keras's own
    recursion turns the order inside a nested model around.
    """
    found = {}

    def visit(layer):
        for inner in layer._flatten_layers(include_self=False, recursive=False):
            if id(inner) not in found:
                found[id(inner)] = inner
                visit(inner)

    visit(model)
    return list(found.values())


def has_strategy(model):
    """Returns whether a model trains under a `tf.distribute` strategy.

    `distribute_strategy` is a property of models on TensorFlow alone, and not documented.
    """
    with model.distribute_strategy.scope():
        return tf.distribute.has_strategy()


def inputs_structure(model):
    """Returns the nest of symbolic tensors that a Sequential or functional model takes.

    `model.inputs` is flat. That `model.input` is the nest that the model was made with is not
    documented; a Sequential model, which has one input, may lack it.

    Raises:
        ValueError: If the model has no symbolic inputs, as a subclassed one.
    """
    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise ValueError(
            "The inputs of a subclassed model are not known. Use a Sequential or functional model, "
            f"or pass the shapes and types. Received: model {model.name!r} of type "
            f"{type(model).__name__}."
        )
    if isinstance(model, keras.Sequential):
        (structure,) = inputs
        return structure
    return model.input


def is_seed_state(variable):
    """Returns whether a variable is the state of a `keras.random.SeedGenerator`.

    The generators of a layer are private, and all their states have one name, whatever the
    generator is called.
    """
    return variable.name == "seed_generator_state"


def is_lora(variable):
    """Returns whether a variable was added by `enable_lora`.

    Layers do not list what they added; the names begin alike.
    """
    return "lora_" in variable.name


def lora_settings(layer):
    """Returns `(rank, alpha)` of a layer after `enable_lora`, or `None` if it was not called.

    The attributes that say so are not documented.
    """
    if not getattr(layer, "lora_enabled", False):
        return None
    return layer.lora_rank, layer.lora_alpha


def takes_class_numbers(loss):
    """Returns whether the labels of a loss are numbers of outputs, and not one-hot or real.

    A loss does not say so. Those that take class numbers have "sparse" in their name or in that of
    their class, with one exception.

    Args:
        loss: Name, function, `keras.losses.Loss`, or `None`.
    """
    names = [loss, getattr(loss, "name", None), getattr(loss, "__name__", None)]
    names += [base.__name__ for base in type(loss).__mro__]
    plain = [name.lower().replace("_", "") for name in names if isinstance(name, str)]
    return any(word in name for name in plain for word in _CLASS_NUMBERS)


def loss_tracker(model):
    """Returns the metric that reports the loss of a compiled model.

    Keras makes it, and keeps it among the metrics under this name.
    """
    return next(metric for metric in model.metrics if metric.name == "loss")


def scope_losses(scope):
    """Returns what `add_loss` and activity regularizers gave inside a `keras.StatelessScope`.

    The documentation has an argument `collect_losses`, and not where they are collected.
    """
    return scope.losses


def forget_compiled_steps(model):
    """Makes `fit`, `evaluate` and `predict` trace their steps anew.

    Keras keeps the compiled steps in attributes, and makes those that are `None`. Only `compile`
    does this in public, and would reset the metrics.
    """
    for name in _COMPILED_STEPS:
        setattr(model, name, None)


def keras_mask(x):
    """Returns the mask that a layer has attached to its output, or `None`.

    Losses and metrics of Keras leave out what it hides. Where it is kept is not documented.
    """
    return backend.get_keras_mask(x)


def set_keras_mask(x, mask):
    """Attaches a mask to a tensor, as layers do."""
    backend.set_keras_mask(x, mask)


def uses_renorm(layer):
    """Returns whether a `BatchNormalization` corrects by statistics of earlier batches.

    Keras 3.12 has no such argument.
    """
    return bool(getattr(layer, "renorm", False))


def callback_attributes(callback):
    """Returns the attributes of a callback, by name, where it keeps its state.

    A callback of Keras has no `get_state`; what `EarlyStopping` and its like remember are
    attributes that the documentation does not list.
    """
    return vars(callback)


def custom_gradient_name(operation):
    """Returns the name under which the gradient of a `tf.custom_gradient` is registered.

    Returns:
        str, or `None` for an operation that has no gradient of its own.
    """
    try:
        return operation.get_attr("_gradient_op_type").decode()
    except ValueError:
        return None


def custom_gradients():
    """Returns the registry of gradients: name to a dict whose key `"type"` has the function.

    `tf.custom_gradient` registers, for each call that is traced, a closure that holds the whole
    graph, and never gives it back: every retrace would cost its memory for good.
    """
    return ops.gradient_registry._registry


def has_derivative(operation):
    """Returns whether a gradient is registered for an operation, and not that there is none."""
    try:
        return ops.get_gradient_function(operation) is not None
    except LookupError:
        return False


def nested_graphs(operation):
    """Yields the graphs of the functions that an operation calls: loop bodies, branches.

    A graph definition has them in public, but without the tensors.
    """
    for value in operation.node_def.attr.values():
        names = [value.func.name] if value.func.name else [f.name for f in value.list.func]
        for name in names:
            function = operation.graph._functions.get(name)
            if function is not None and getattr(function, "graph", None) is not None:
                yield function.graph
