"""Creates the variables of a compiled step before it is traced."""

import contextlib

import keras
import tensorflow as tf

from keras_meta.exact import private


def build_ahead(model, batch_spec):
    """Creates the variables of compiled metrics and of the optimizer before the first step.

    A step that creates variables is traced twice, and callbacks that restore variables need them
    to exist before the first step.

    Args:
        model: An `OuterModel`.
        batch_spec: Element spec of the dataset passed to `fit`.
    """
    if private.has_strategy(model) or model.optimizer is None:
        return  # Keras creates them, or there are none.
    # Errors in a batch are left to the first step, which reports them in terms of tasks.
    with contextlib.suppress(ValueError, KeyError, tf.errors.InvalidArgumentError):
        model.build_metrics(batch_spec)
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)


def zeros(specs):
    """Zeros of these specs; unknown dimensions become 2, because 1 would mean a single class."""
    return keras.tree.map_structure(
        lambda x: (
            None if x is None else tf.zeros([2 if n is None else n for n in x.shape], x.dtype)
        ),
        specs,
    )
