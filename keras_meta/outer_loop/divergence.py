"""A report on tasks whose inner steps diverge."""

import warnings
import weakref

import numpy as np
import tensorflow as tf

# Weights with a loss beyond this are meaningless.
LIMIT = 1e6
# A diverging run usually diverges at every step, so a few reports are enough.
_MAX_REPORTS = 3


def watch(model, tasks, task_losses):
    """Warns about tasks whose loss is not finite, or beyond `LIMIT`.

    Args:
        model: An `OuterModel`.
        tasks: The batch of tasks.
        task_losses: Tensor `[tasks]`.

    Returns:
        List of operations to run before the weights change.
    """
    if model.jit_compile:
        return []  # Code compiled by XLA cannot call back into Python.
    iterations = tf.constant(0) if model.optimizer is None else model.optimizer.iterations
    leaves = tf.nest.flatten(tasks)
    present = [leaf is not None for leaf in leaves]
    structure = tf.nest.map_structure(lambda leaf: 0, tasks)
    in_python = _reporter(weakref.ref(model), structure, present)

    def report():
        tensors = [leaf for leaf in leaves if leaf is not None]
        operation = tf.py_function(in_python, [iterations, task_losses, *tensors], [])
        with tf.control_dependencies([operation] if operation is not None else []):
            return tf.constant(True)

    fine = tf.reduce_all(tf.abs(task_losses) < tf.cast(LIMIT, task_losses.dtype))
    done = tf.cond(fine, lambda: tf.constant(False), report)
    return [done] if not tf.executing_eagerly() else []


def by_step(values):
    """Returns a sentence that lists the inner loss by inner step.

    Args:
        values: Array `[steps + 1]`.
    """
    bad = np.flatnonzero(~(np.abs(values) < LIMIT))
    return (
        "Its support loss after 0, 1, ... inner steps: "
        + ", ".join(f"{value:.4g}" for value in values)
        + (f"; it diverges at inner step {bad[0]}." if len(bad) else "; these do not diverge.")
    )


def _reporter(model, structure, present):
    """The Python side of the report. TensorFlow never frees it, so it must not hold the model."""

    def in_python(step, losses, *tensors):
        tensors = iter(tensors)
        leaves = [next(tensors) if there else None for there in present]
        _report(model(), int(step), losses.numpy(), tf.nest.pack_sequence_as(structure, leaves))

    return in_python


def _report(model, step, losses, tasks):
    reports = model.__dict__["_divergences"] = model.__dict__.get("_divergences", 0) + 1
    if reports > _MAX_REPORTS:
        return
    diverged = np.flatnonzero(~(np.abs(losses) < LIMIT))
    number = int(diverged[0])
    task = tf.nest.map_structure(lambda leaf: None if leaf is None else leaf[number], tasks)
    parts = [
        f"At outer step {step}, {len(diverged)} of {len(losses)} tasks diverged; the first is "
        f"task {number} of the batch, with query loss {losses[number]:.4g}.",
        model.how_learning_went(task),
        "Lower the inner learning rate or the number of inner steps, clip the inner gradients "
        "(`inner_optimizer=SGD(rate, global_clipnorm=...)`), or look for outliers in the data.",
    ]
    warnings.warn(" ".join(part for part in parts if part), RuntimeWarning, stacklevel=2)
