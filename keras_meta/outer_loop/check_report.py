"""Checks of a learner and its episodes before training."""

import dataclasses
import os

import keras
import numpy as np
import tensorflow as tf

from keras_meta.exact import second_order
from keras_meta.outer_loop import model_checks

_TOLERANCE = 0.02  # rounding error of float32 differences; wrong gradients are off by more


@dataclasses.dataclass
class CheckReport:
    """The findings of `learner.check(batch)`, to be printed.

    Attributes:
        gradient_error: float. Relative error of the meta-gradient against central differences, or
            `None` for a learner whose gradient by design approximates that of its loss.
        without_gradient: List of paths of variables whose meta-gradient is `None` or zero.
        second_order_problems: List of `Problem(layer, operation, remedy)`.
        memory_bytes: int. Upper bound on the memory used by the tensors of one training step.
        query_influence: float. Largest change in the prediction of a query when the other queries
            of its task change.
        overlap: int. Number of queries that are also in the support set of their task.
    """

    gradient_error: float | None
    without_gradient: list
    second_order_problems: list
    memory_bytes: int
    query_influence: float
    overlap: int

    @property
    def ok(self):
        """Whether the checks found no error that would invalidate training or its results."""
        right = self.gradient_error is None or self.gradient_error <= _TOLERANCE
        return right and not self.second_order_problems and not self.overlap

    @property
    def transductive(self):
        """Whether the prediction of a query depends on the other queries."""
        return self.query_influence > 1e-5

    def __str__(self):
        def line(fine, name, text):
            return f"{'ok  ' if fine else 'warn'}  {name:26s} {text}"

        error = self.gradient_error
        dead = self.without_gradient
        problems = [f"{p.operation} in {p.layer!r}: {p.remedy}" for p in self.second_order_problems]
        return "\n".join(
            [
                line(
                    error is None or error <= _TOLERANCE,
                    "meta-gradient",
                    "by design an approximation of the gradient of the loss, such as first order"
                    if error is None
                    else f"differs from central differences by {error:.1e}",
                ),
                line(not dead, "weights without a gradient", ", ".join(dead) or "none"),
                line(not problems, "second derivatives", "; ".join(problems) or "all available"),
                line(True, "memory per step", f"at most {self.memory_bytes / 2**20:.0f} MiB"),
                line(
                    True,
                    "transduction",
                    "predictions depend on the other queries of the task"
                    if self.transductive
                    else "each query is predicted independently",
                ),
                line(
                    not self.overlap,
                    "support/query overlap",
                    f"{self.overlap} queries are also support examples" if self.overlap else "none",
                ),
            ]
        )


def check(learner, batch):
    """Checks a compiled learner on one batch of episodes, and leaves the learner unchanged.

    Args:
        learner: A compiled learner.
        batch: `(inputs, query_y)` or `(inputs, query_y, sample_weight)`.

    Returns:
        A `CheckReport`.

    Raises:
        ValueError: If the learner is not compiled.
    """
    if not learner.compiled:
        raise ValueError(
            "The checks need the loss of the queries and the metrics. `compile` the learner first. "
            f"Received: {type(learner).__name__} {learner.name!r}, which is not compiled."
        )
    tasks = learner.unpack(keras.tree.map_structure(keras.ops.convert_to_tensor, tuple(batch)))
    inputs = tasks.inputs
    evaluate = tf.function(lambda: learner.meta_gradients(tasks), autograph=False)
    gradients, _ = evaluate()
    return CheckReport(
        gradient_error=_gradient_error(learner, evaluate) if learner.exact_gradient else None,
        without_gradient=[
            variable.path
            for variable, gradient in zip(learner.trainable_variables, gradients, strict=True)
            if gradient is None or not np.any(gradient)
        ],
        second_order_problems=model_checks.second_order_problems(learner, inputs),
        memory_bytes=_memory(learner, tasks),
        query_influence=_query_influence(learner, inputs),
        overlap=_overlap(inputs),
    )


def _gradient_error(learner, evaluate):
    """Relative error of the derivative along the gradient, where rounding matters least."""
    variables = learner.trainable_variables
    gradients, _ = evaluate()
    scale = float(learner.scale_loss(1.0))
    gradients = [
        np.zeros(v.shape) if g is None else keras.ops.convert_to_numpy(g).astype("float64") / scale
        for v, g in zip(variables, gradients, strict=True)
    ]
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    if norm == 0:
        return 0.0
    original = [keras.ops.convert_to_numpy(v) for v in variables]

    def quotient(step):
        losses = []
        for sign in (1, -1):
            for variable, start, g in zip(variables, original, gradients, strict=True):
                variable.assign(start + sign * step * g / norm)
            losses.append(np.mean(np.asarray(evaluate()[1].loss, "float64")))
        return (losses[0] - losses[1]) / (2 * step)

    try:
        quotients = np.array([quotient(10.0**-k) for k in np.arange(1, 6.5, 0.5)])
    finally:
        for variable, start in zip(variables, original, strict=True):
            variable.assign(start)
    # Large steps suffer from curvature and kinks, small ones from rounding: trust the step around
    # which the quotient changes least, and do not choose it by its agreement with the gradient.
    steadiest = np.argmin(np.abs(np.diff(quotients)))
    return float(abs(quotients[steadiest + 1] - norm) / norm)


def _memory(learner, tasks):
    """Bytes of all tensors created for one task, times the number of tasks that run at once."""
    task = keras.tree.map_structure(lambda x: None if x is None else x[:1], tasks)
    traced = tf.function(
        lambda: learner.meta_gradients(task), autograph=False
    ).get_concrete_function()
    graphs, total = [traced.graph], 0
    while graphs:
        graph = graphs.pop()
        for operation in graph.get_operations():
            graphs.extend(second_order.nested_graphs(operation))
            for tensor in operation.outputs:
                if tensor.shape.is_fully_defined() and tensor.dtype.size:
                    total += tensor.shape.num_elements() * tensor.dtype.size
    num_tasks = int(keras.tree.flatten(tasks.inputs["support_x"])[0].shape[0])
    vectorized = learner.chosen_task_map() == "vectorize"
    at_once = num_tasks if vectorized else min(num_tasks, os.cpu_count() or 1)
    return total * at_once


def _query_influence(learner, inputs):
    """Change in the prediction of the first query when the others are replaced by copies of it."""

    def alone(x):
        return tf.repeat(x[:, :1], tf.shape(x)[1], axis=1)

    changed = {**inputs, "query_x": keras.tree.map_structure(alone, inputs["query_x"])}
    # In a graph: TensorFlow warns of what a vectorised map traces again in each eager call.
    predict = tf.function(lambda x: learner(x, training=False), autograph=False)
    before, after = predict(inputs), predict(changed)
    differences = keras.tree.map_structure(
        lambda a, b: float(tf.reduce_max(tf.abs(a[:, 0] - b[:, 0]))), before, after
    )
    return max(keras.tree.flatten(differences))


def _overlap(inputs):
    """Number of queries equal to a support example of their task in all features."""
    same = True
    support, query = (keras.tree.flatten(inputs[key]) for key in ("support_x", "query_x"))
    for s, q in zip(support, query, strict=True):
        s, q = (np.asarray(x).reshape(*x.shape[:2], -1) for x in (s, q))
        same = same & (q[:, :, None] == s[:, None]).all(-1)
    return int(same.any(-1).sum())
