"""A report on tasks whose inner steps diverge."""

import warnings
import weakref

import keras
import numpy as np
import tensorflow as tf

# A loss beyond this is of weights that no longer mean anything.
LIMIT = 1e6
# A run that diverges does so in every step; a few reports are enough.
_MAX_REPORTS = 3


def watch(learner, inputs, task_losses):
    """Warns of tasks with a loss that is not finite, or beyond `LIMIT`.

    Args:
        learner: An `EpisodicModel`.
        inputs: The episode batch.
        task_losses: Tensor `[tasks]`.

    Returns:
        List of operations to wait for before the weights change.
    """
    if learner.jit_compile:
        return []  # XLA has no way back to Python.
    iterations = tf.constant(0) if learner.optimizer is None else learner.optimizer.iterations
    support = (inputs["support_x"], inputs["support_y"])
    in_python = _reporter(weakref.ref(learner), keras.tree.map_structure(lambda x: 0, support))

    def report():
        tensors = keras.tree.flatten(support)
        operation = tf.py_function(in_python, [iterations, task_losses, *tensors], [])
        with tf.control_dependencies([operation] if operation is not None else []):
            return tf.constant(True)

    fine = tf.reduce_all(tf.abs(task_losses) < tf.cast(LIMIT, task_losses.dtype))
    done = tf.cond(fine, lambda: tf.constant(False), report)
    return [done] if not tf.executing_eagerly() else []


def _reporter(learner, structure):
    """What runs in Python. It holds neither learner nor graph: TensorFlow never lets go of it."""

    def in_python(step, losses, *tensors):
        _report(learner(), int(step), losses, keras.tree.pack_sequence_as(structure, tensors))

    return in_python


def _report(learner, step, losses, support):
    learner.__dict__["_divergences"] = learner.__dict__.get("_divergences", 0) + 1
    if learner.__dict__["_divergences"] > _MAX_REPORTS:
        return
    losses = losses.numpy()
    diverged = np.flatnonzero(~(np.abs(losses) < LIMIT))
    task = int(diverged[0])
    message = (
        f"At outer step {step}, {len(diverged)} of {len(losses)} tasks diverged; the first is "
        f"task {task} of the batch, with query loss {losses[task]:.4g}."
    )
    if hasattr(learner, "inner_losses"):
        x, y = keras.tree.map_structure(lambda value: value[task], support)
        values = learner.inner_losses(x, y).numpy()
        message += " Its support loss after 0, 1, ... inner steps: " + ", ".join(
            f"{value:.4g}" for value in values
        )
        bad = np.flatnonzero(~(np.abs(values) < LIMIT))
        message += (
            f"; it diverges at inner step {bad[0]}." if len(bad) else "; these are in bounds."
        )
    message += (
        " Lower the inner learning rate or the number of inner steps, clip the inner gradients "
        "(`inner_optimizer=SGD(rate, global_clipnorm=...)`), or look for outliers in the data."
    )
    warnings.warn(message, RuntimeWarning, stacklevel=2)
