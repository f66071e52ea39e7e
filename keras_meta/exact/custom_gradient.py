"""`tf.custom_gradient` whose graphs are freed with the functions that traced them."""

import functools
import weakref

import tensorflow as tf

from keras_meta.exact import private

# The attribute of a graph that owns its gradients. A table of graphs would keep them: a gradient
# refers to its graph.
_GRADIENTS = "keras_meta_gradients"


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
        if operation.type == "IdentityN" and private.custom_gradient_name(operation):
            _give_to_graph(operation.outputs[0])


def _give_to_graph(tensor):
    name, registered = private.custom_gradient_name(tensor.op), private.custom_gradients()
    owned = getattr(tensor.graph, _GRADIENTS, None)
    if owned is None:
        owned = {}
        setattr(tensor.graph, _GRADIENTS, owned)
    if name in owned:
        return
    entry = registered[name]
    owned[name] = entry["type"]
    reference = weakref.ref(entry["type"])
    weakref.finalize(entry["type"], registered.pop, name, None)

    def lent(operation, *gradients):
        return reference()(operation, *gradients)

    entry["type"] = lent
