"""Variables that a compiled step needs, created before it is traced."""

import contextlib

import tensorflow as tf

from keras_meta.exact import private


def build_ahead(model, batch_spec):
    """Creates the variables of compiled metrics and of the optimizer before the first step.

    A step that creates variables is traced twice, and callbacks may restore them before it.

    Args:
        model: An `OuterModel`.
        batch_spec: Element spec of the dataset that `fit` is given.
    """
    if private.has_strategy(model) or model.optimizer is None:
        return  # Keras does it, or there is nothing to create.
    # The first step reports what is wrong with a batch, in terms of tasks.
    with contextlib.suppress(ValueError, KeyError, tf.errors.InvalidArgumentError):
        model.build_metrics(batch_spec)
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
