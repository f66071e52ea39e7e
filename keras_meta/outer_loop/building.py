"""Creates the variables of a compiled step before it is traced."""

import contextlib

import keras
import tensorflow as tf

from keras_meta.exact import private, replicas


def prepare_fit(model, data, arguments):
    """Checks and prepares a run of `fit`.

    Args:
        model: An `OuterModel`.
        data: The first argument of `fit`.
        arguments: dict of its keyword arguments.

    Returns:
        These arguments, for `keras.Model.fit`.
    """
    replicas.check_stream(model.distribute_strategy, data)
    if not isinstance(data, tf.data.Dataset):
        return arguments
    build_ahead(model, data.element_spec)
    # Keras would warn that its default, shuffle=True, does not apply to a dataset.
    return {"shuffle": False, **arguments}


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


def build_metrics(model, batch_spec):
    """Creates the variables of compiled metrics by tracing an evaluation.

    Args:
        model: An `OuterModel`.
        batch_spec: Element spec of a dataset.
    """

    def scored(batch):
        tasks = model.unpack(batch)
        return model.scored(tasks, model.learn_tasks(tasks).predictions)[1:]

    traced = tf.function(scored, autograph=False).get_concrete_function(batch_spec)
    model.compute_metrics(None, *zeros(traced.structured_outputs))
    model.reset_metrics()


def zeros(specs, sizes=()):
    """Zeros of these specs.

    Args:
        specs: Nest of specs and `None`s.
        sizes: Sequence of ints, of the dimensions that a spec leaves open, such as the time of a
            model of sequences. Further ones become 2, because 1 would mean a single class.

    Returns:
        Nest of tensors and `None`s.
    """

    def of_spec(spec):
        if spec is None:
            return None
        by_axis = [*sizes, *[2] * len(spec.shape)]
        shape = [by_axis[axis] if n is None else n for axis, n in enumerate(spec.shape)]
        return tf.zeros(shape, spec.dtype)

    return keras.tree.map_structure(of_spec, specs)
