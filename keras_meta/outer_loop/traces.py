"""Compiled functions of a model, kept from call to call."""

import tensorflow as tf

from keras_meta.exact import private


def traced(model, key, function):
    """Returns `function` as a `tf.function`. See `OuterModel.traced`."""
    state = model.__dict__
    inner_loss = getattr(model, "inner_loss", None)
    loss = model.loss if inner_loss is None else inner_loss
    if state.get("_traced_with") is not loss:
        state["_traced_with"] = loss
        state.pop("_traces", None)
    traces = state.setdefault("_traces", {})
    if key not in traces:
        traces[key] = tf.function(function, reduce_retracing=True, autograph=False)
    return traces[key]


def forget(model):
    """Makes all compiled functions of a model, those of Keras included, retrace."""
    model.__dict__.pop("_traces", None)
    private.forget_compiled_steps(model)
