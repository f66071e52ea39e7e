"""The report on tasks whose loss leaves all bounds."""

import gc
import warnings
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_meta.outer_loop import divergence


class Model:
    """What the report asks of an outer model."""

    jit_compile = False

    def __init__(self, step=0):
        self.optimizer = keras.optimizers.SGD()
        self.optimizer.build([])
        self.optimizer.iterations.assign(step)
        self.asked = []

    def how_learning_went(self, task):
        self.asked.append(task)
        return "It went badly."


def watch(model, losses, tasks=None):
    """Reports from within a graph, as a step does, and returns the warnings."""
    tasks = {"x": tf.range(len(losses)), "y": None} if tasks is None else tasks

    @tf.function(autograph=False)
    def run(losses):
        with tf.control_dependencies(divergence.watch(model, tasks, losses)):
            return tf.identity(losses)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(tf.constant(losses))
    return [str(x.message) for x in caught if x.category is RuntimeWarning]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 2e6, -2e6])
def test_what_diverges_is_reported(bad):
    model = Model(step=7)
    (message,) = watch(model, [1.0, bad, 3.0, bad])
    assert message.startswith(
        "At outer step 7, 2 of 4 tasks diverged; the first is task 1 of the batch, with query loss "
    )
    assert f"{bad:.4g}" in message and "It went badly. Lower the inner learning rate" in message
    (task,) = model.asked
    assert int(task["x"]) == 1 and task["y"] is None


@pytest.mark.parametrize("fine", [[1.0, 0.0, -5.0], [9e5]])
def test_what_is_in_bounds_is_not(fine):
    model = Model()
    assert watch(model, fine) == [] and model.asked == []


def test_three_reports_are_enough():
    model = Model()
    assert sum(len(watch(model, [np.nan])) for _ in range(5)) == 3


def test_what_is_reported_eagerly_needs_no_waiting_for():
    model = Model()
    with pytest.warns(RuntimeWarning, match="1 of 1 tasks"):
        assert divergence.watch(model, tf.zeros([1]), tf.constant([np.nan])) == []


def test_a_graph_waits_for_the_report():
    model, order = Model(), []
    model.how_learning_went = lambda task: order.append("report") or ""
    weight = tf.Variable(0.0)

    @tf.function(autograph=False)
    def step():
        with tf.control_dependencies(divergence.watch(model, tf.zeros([1]), tf.constant([np.nan]))):
            tf.py_function(lambda: order.append("step"), [], [])
            weight.assign_add(1.0)

    with pytest.warns(RuntimeWarning):
        step()
    assert order == ["report", "step"] and float(weight) == 1.0


def test_compiled_by_xla_there_is_no_report():
    model = Model()
    model.jit_compile = True
    assert watch(model, [np.nan]) == []


def test_without_an_optimizer_no_step_was_taken():
    model = Model()
    model.optimizer = None
    (message,) = watch(model, [np.nan])
    assert message.startswith("At outer step 0, 1 of 1 tasks")


def test_the_report_does_not_keep_the_model():
    model = Model()
    watch(model, [np.nan])
    reference = weakref.ref(model)
    del model
    gc.collect()
    assert reference() is None


def test_by_step():
    fine = "Its support loss after 0, 1, ... inner steps: 1, 0.5; these do not diverge."
    assert divergence.by_step(np.array([1.0, 0.5])) == fine
    assert divergence.by_step(np.array([1.0, 2e6, np.nan])).endswith(
        ": 1, 2e+06, nan; it diverges at inner step 1."
    )
