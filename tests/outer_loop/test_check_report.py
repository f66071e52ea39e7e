"""What `learner.check` finds, where there is something to find."""

import os

import keras
import numpy as np
import pytest

from keras_meta import learners
from keras_meta.exact.second_order import Problem
from keras_meta.outer_loop.check_report import CheckReport
from tests.quick import slow

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def model(*more):
    layers = keras.layers
    return keras.Sequential([keras.Input((4,)), layers.Dense(5, "tanh"), *more, layers.Dense(3)])


def compiled(make=learners.MAML, made=None, **kwargs):
    learner = make(model() if made is None else made, **kwargs)
    learner.compile(keras.optimizers.SGD(0.1), LOSS)
    return learner


def batch(tasks=2, support=3, queries=2):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(tasks, support + queries, 4)).astype("float32")
    y = np.tile(np.arange(support + queries) % 3, (tasks, 1)).astype("int32")
    inputs = {"support_x": x[:, :support], "support_y": y[:, :support], "query_x": x[:, support:]}
    return inputs, y[:, support:]


def test_a_learner_without_faults():
    learner = compiled(inner_learning_rate=0.1)
    before = learner.get_weights()
    report = learner.check(batch())
    assert report.ok and report.gradient_error < 0.005
    assert report.without_gradient == report.second_order_problems == []
    assert report.overlap == 0 and not report.transductive and report.query_influence == 0.0
    assert report.memory_bytes > 4 * 2 * 4 * (3 + 2)  # the features alone
    for a, b in zip(before, learner.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


class Wrong(learners.MAML):
    """Its gradient is that of the loss, and a tenth of it."""

    def meta_gradients(self, tasks):
        gradients, outcome = super().meta_gradients(tasks)
        return [1.1 * g for g in gradients], outcome


def test_a_wrong_gradient_is_found():
    report = compiled(Wrong).check(batch())
    assert report.gradient_error == pytest.approx(1 - 1 / 1.1, rel=0.05)
    assert not report.ok


def test_a_first_order_learner_is_not_compared():
    made = model(keras.layers.Activation("softsign"))
    report = compiled(made=made, first_order=True).check(batch())
    assert report.gradient_error is None and report.second_order_problems == [] and report.ok


def test_weights_without_a_gradient_are_named():
    made = model(keras.layers.Rescaling(0.0, name="nothing"))
    report = compiled(made=made).check(batch())
    paths = [v.path for v in made.trainable_variables]
    assert report.without_gradient == paths[:3]
    assert report.ok  # it may be meant


@pytest.mark.parametrize(
    "batch_norm, transductive", [slow("transductive", True), ("support", False)]
)
def test_whether_queries_depend_on_each_other(batch_norm, transductive):
    made = model(keras.layers.BatchNormalization())
    report = compiled(made=made, batch_norm=batch_norm).check(batch())
    assert report.transductive == transductive and report.ok


def test_queries_that_are_in_the_support_set_are_counted():
    inputs, y = batch()
    leaked = inputs["query_x"].copy()
    leaked[0, 1], leaked[1, 0] = inputs["support_x"][0, 2], inputs["support_x"][0, 0]
    report = compiled().check(({**inputs, "query_x": leaked}, y))
    assert report.overlap == 1  # that of another task is none
    assert not report.ok and "1 queries are also support examples" in str(report)


@pytest.mark.parametrize("task_map, expected", [("vectorize", [1, 3]), slow("loop", [1, 2])])
def test_memory_is_that_of_the_tasks_under_way_at_once(task_map, expected, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    learner = compiled(task_map=task_map)
    one, *more = (learner.check(batch(tasks)).memory_bytes for tasks in (1, 3))
    assert [x / one for x in (one, *more)] == expected


def test_loss_scaling_does_not_matter():
    learner = learners.MAML(model(), 0.1)
    learner.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)), LOSS)
    learner.optimizer.build(learner.trainable_variables)
    assert learner.check(batch()).gradient_error < 0.005


FINE = {
    "gradient_error": 1e-5,
    "without_gradient": [],
    "second_order_problems": [],
    "memory_bytes": 3 * 2**20,
    "query_influence": 0.0,
    "overlap": 0,
}


@pytest.mark.parametrize(
    "changes, ok, warnings, text",
    [
        ({}, True, 0, "differs from central differences by 1.0e-05"),
        ({}, True, 0, "at most 3 MiB"),
        ({"gradient_error": 0.5}, False, 1, "differs from central differences by 5.0e-01"),
        ({"gradient_error": None}, True, 0, "by design"),
        ({"without_gradient": ["a/kernel", "b"]}, True, 1, "a/kernel, b"),
        (
            {"second_order_problems": [Problem("signs", "Softsign", "use tanh")]},
            False,
            1,
            "Softsign in 'signs': use tanh",
        ),
        ({"query_influence": 1.0}, True, 0, "depend on the other queries"),
        ({"overlap": 2}, False, 1, "2 queries are also support examples"),
    ],
)
def test_the_report(changes, ok, warnings, text):
    report = CheckReport(**{**FINE, **changes})
    lines = str(report).splitlines()
    assert report.ok == ok and len(lines) == 6
    assert sum(not line.startswith("ok ") for line in lines) == warnings
    assert sum(text in line for line in lines) == 1


def test_a_learner_that_is_not_compiled_says_so():
    learner = learners.MAML(model(), 0.1, name="fresh")
    with pytest.raises(ValueError, match="`compile` the learner first. Received: MAML 'fresh'"):
        learner.check(batch())
