"""`tf.custom_gradient` whose graphs are freed with the functions that traced them."""

import functools
import weakref

import tensorflow as tf

# Not public. `tf.custom_gradient` registers, for each call that is traced, a closure that holds
# the whole graph, and never gives it back: every retrace would cost its memory for good.
from tensorflow.python.framework.ops import gradient_registry

_GRADIENTS = "_keras_meta_gradients"


def custom_gradient(function):
    """`tf.custom_gradient`, with the registered gradient owned by the graph it belongs to.

    Args:
        function: Takes tensors, returns `(result, gradient)`, as for `tf.custom_gradient`.
    """
    decorated = tf.custom_gradient(function)

    @functools.wraps(function)
    def call(*args):
        result = decorated(*args)
        if not tf.executing_eagerly():
            _give_to_graph(tf.nest.flatten(result)[0])
        return result

    return call


def own_gradients():
    """Gives the graph that is being traced the gradients that others registered in it.

    Keras sums the gradients of replicas in such a call, which would keep each compiled step.
    """
    if tf.executing_eagerly():
        return
    for operation in tf.compat.v1.get_default_graph().get_operations():
        if operation.type == "IdentityN" and "_gradient_op_type" in operation.node_def.attr:
            _give_to_graph(operation.outputs[0])


def _give_to_graph(tensor):
    name = tensor.op.get_attr("_gradient_op_type").decode()
    owned = getattr(tensor.graph, _GRADIENTS, None)
    if owned is None:
        owned = {}
        setattr(tensor.graph, _GRADIENTS, owned)
    if name in owned:
        return
    entry = gradient_registry._registry[name]
    owned[name] = entry["type"]
    reference = weakref.ref(entry["type"])
    weakref.finalize(entry["type"], gradient_registry._registry.pop, name, None)

    def lent(operation, *gradients):
        return reference()(operation, *gradients)

    entry["type"] = lent
