"""Attributes that compiled steps bake in, and the checks of their values."""

import keras
import pytest
import tensorflow as tf

from keras_meta.outer_loop import Outcome, OuterModel
from keras_meta.outer_loop.graph_constant import (
    GraphConstant,
    count,
    non_negative,
    one_of,
    positive,
)


class Holder:
    """What has such attributes: it counts how often its traces are forgotten."""

    number = GraphConstant(count("number"))
    anything = GraphConstant()

    def __init__(self):
        self.forgotten = 0

    def forget_traces(self):
        self.forgotten += 1


def test_assignment_checks_keeps_and_forgets_traces():
    holder = Holder()
    assert holder.number is None and isinstance(Holder.number, GraphConstant)
    holder.number = 3
    assert holder.number == 3 and holder.forgotten == 1
    with pytest.raises(ValueError, match="Received: number=-1."):
        holder.number = -1
    assert holder.number == 3 and holder.forgotten == 1
    holder.anything = object
    assert holder.anything is object and holder.number == 3


def test_a_step_that_has_baked_it_in_is_traced_anew():
    class Scaled(OuterModel):
        factor = GraphConstant()

        def __init__(self):
            super().__init__()
            self.w = self.add_weight(shape=(), initializer="ones")
            self.factor = 2.0

        def learn_task(self, task, training, seed):
            return Outcome(self.factor * task * self.w, task, {})

    model = Scaled()
    model.compile(keras.optimizers.SGD(0.0))
    tasks = tf.constant([1.0, 2.0])
    losses = []
    for factor in (2.0, 4.0):
        model.factor = factor
        losses.append(model.evaluate(tasks, verbose=0))
        losses += model.fit(tasks, verbose=0).history["loss"]
    assert losses == [3.0, 3.0, 6.0, 6.0]


@pytest.mark.parametrize(
    "check, good, bad, message",
    [
        (
            one_of("way", ("a", "b")),
            ["a", "b"],
            ["c", None],
            "one of ['a', 'b']. Received: way='c'",
        ),
        (count("steps"), [0, 7], [-1, 1.5, True, None, "1"], "integer >= 0. Received: steps=-1"),
        (
            count("steps", optional=True),
            [None, 0],
            [-1],
            "integer >= 0 or None. Received: steps=-1",
        ),
        (count("steps", least=2), [2], [1], "integer >= 2. Received: steps=1"),
        (
            non_negative("rate"),
            [0, 0.5],
            [-0.1, float("nan"), float("inf"), True, "1"],
            "finite number >= 0. Received: rate=-0.1",
        ),
        (positive("rate"), [1, 1e-9], [0, -1.0], "number > 0. Received: rate=0"),
    ],
)
def test_checks(check, good, bad, message):
    assert [check(value) for value in good] == good
    for value in bad:
        with pytest.raises(ValueError):
            check(value)
    with pytest.raises(ValueError) as error:
        check(bad[0])
    assert message in str(error.value)


def test_numbers_become_floats():
    assert type(positive("rate")(1)) is float and type(non_negative("rate")(0)) is float
