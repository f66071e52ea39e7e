"""What a GPU needs, shown on a machine without one: a kernel for each operation, and XLA."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import kernels

from keras_meta.exact import private
from tests.learners.table import (
    ONE_OF_A_KIND,
    batch,
    check_equal_weights,
    compiled,
    conv_model,
    first,
)


@functools.cache
def kernels_of(kind):
    """The kernels of a kind of operation that this build of TensorFlow has, used or not."""
    return kernels.get_registered_kernels_for_op(kind).kernel


def on_gpu(kernel, operation):
    """Whether a kernel computes an operation on a GPU: it is of one, or of any device."""
    return kernel.device_type in ("GPU", "DEFAULT") and all(
        kind.as_datatype_enum in limit.allowed_values.list.type
        for limit in kernel.constraint
        for kind in tf.nest.flatten(operation.get_attr(limit.name))
    )


def operations(graph):
    """Yields the operations of a graph and of the functions that it calls."""
    for operation in graph.get_operations():
        yield operation
        for nested in private.nested_graphs(operation):
            yield from operations(nested)


def lacking(graph):
    """The kinds of operations of a graph that only a CPU can compute, for their types.

    Strings that are constants are not counted: they are the messages of assertions.
    """
    return {
        operation.type
        for operation in operations(graph)
        if not (operation.type == "Const" and operation.outputs[0].dtype == tf.string)
        and not any(on_gpu(kernel, operation) for kernel in kernels_of(operation.type))
    }


@first(ONE_OF_A_KIND)
def test_every_operation_of_a_step_has_a_kernel_for_gpus_and_none_is_placed(name):
    if not any(kernel.device_type == "GPU" for kernel in kernels_of("MatMul")):
        pytest.skip("this build of TensorFlow has no kernels for GPUs")
    # With XLA there is no report of tasks that diverge, which Python writes.
    learner = compiled(name, conv_model(), jit_compile=True)
    step = tf.function(lambda *data: learner.train_step(data), autograph=False)
    graph = step.get_concrete_function(*batch(2)).graph
    assert not lacking(graph)
    assert not {operation.device for operation in operations(graph)} - {""}


def test_a_kernel_for_cpus_alone_is_found():
    @tf.function
    def compute():
        return tf.strings.length(tf.strings.as_string(tf.range(3)))

    assert lacking(compute.get_concrete_function().graph) == {"AsString", "StringLength"}


# XLA draws random numbers by another algorithm: the masks, batches and codes of these.
DRAWN = ("mt-net", "reptile", "in-context")
# Their tasks have loops, which cannot be vectorised around convolutions, or whose lists XLA has no
# kernel for; the recurrence over a context is refused.
LOOPS = ("reptile", "imaml", "full-context-matching", "logistic", "svm")


@first(("anil", "prototypes"))
@pytest.mark.parametrize("task_map", ["loop", "vectorize"])
def test_xla_takes_the_same_steps(name, task_map):
    # Without dropout, whose masks would be others too.
    plain, by_xla = (
        compiled(
            name,
            conv_model(0.0),
            keras.optimizers.SGD(0.1),
            task_map=task_map,
            jit_compile=jit_compile,
        )
        for jit_compile in (False, True)
    )
    by_xla.set_weights(plain.get_weights())
    assert by_xla.jit_compile and not plain.jit_compile
    data = tf.data.Dataset.from_tensors(batch(2)).repeat(2)
    if name in LOOPS and task_map == "vectorize":
        with pytest.raises((ValueError, tf.errors.OpError)):
            by_xla.fit(data, verbose=0)
        return
    logs = [model.fit(data, verbose=0).history for model in (plain, by_xla)]
    assert np.isfinite(logs[1]["loss"]).all()
    if name in DRAWN:
        return
    np.testing.assert_allclose(logs[0]["loss"], logs[1]["loss"], rtol=1e-4)
    check_equal_weights(plain.trainable_variables, by_xla.trainable_variables, rtol=1e-3, atol=1e-5)
