"""The inner problem: what the inner steps of one task solve."""

import collections
import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_meta.inner_loop import adaptation, checkpointing
from keras_meta.inner_loop.functional import fold_in

InnerState = collections.namedtuple("InnerState", ["weights", "slots", "written"])
InnerState.__doc__ = """What goes from inner step to inner step.

Attributes:
    weights: List of tensors, the weights that adapt.
    slots: What the inner optimizer keeps.
    written: What the loss has written, such as the statistics of normalisation.
"""


def all_of_it(weights, step):
    """The weights that adapt are all there are."""
    del step
    return weights


def no_data(weights, step, seed):
    """The loss knows its data."""
    del weights, step, seed


@dataclasses.dataclass(frozen=True)
class InnerProblem:
    """What the inner steps of one task solve, in parts that may each be replaced.

    With the weights that adapt `w_k`, all weights `v_k` that the model runs with, data `D_k` and
    the loss `L`,

        w_0 = initial_weights
        v_k = weights_at(w_k, k),    D_k = data_at(v_k, k, seed)
        w_{k+1} = update(w_k, dL/dw (v_k, D_k), k)
        state of the task = keep(v_K, ..., K)

    A learner makes the problem of another one its own by `dataclasses.replace(problem, part=...)`:
    mini-batches and rollouts are `data_at`, tables by step are `weights_at`, a proximal term is
    part of `loss`, generated weights are `initial_weights`.

    Attributes:
        initial_weights: List of tensors `w_0`.
        loss: Callable, `(all weights, data, written, step) -> (scalar loss, written)`, or these and
            the scale by which the gradient goes through half precision.
        update: Callable, `(weights, gradients, slots, step) -> (weights, slots)`, such as
            `InnerOptimizer.update` with its settings.
        keep: Callable, `(all weights, written, step) -> dict`: the state of the task; or `None`.
        data_at: Callable, `(all weights, step, seed) -> data`. By default there are none.
        weights_at: Callable, `(weights that adapt, step) -> all weights`.
        initial_slots: What `update` is given at first.
        seed: int tensor `[2]` from which each step gets its own, or `None`.
        first_order: bool. Whether the inner gradient is a constant to the outer one.

    Example:

    ```python
    import tensorflow as tf
    from keras_meta.inner_loop.problem import InnerProblem

    problem = InnerProblem(
        initial_weights=[tf.constant(4.0)],
        loss=lambda weights, data, written, step: ((weights[0] - data) ** 2, written),
        update=lambda weights, gradients, slots, step: ([weights[0] - gradients[0] / 4], slots),
        keep=lambda weights, written, step: {"weights": weights},
        data_at=lambda weights, step, seed: tf.constant(2.0),
    )
    assert [float(state.weights[0]) for state in problem.states(steps=2)] == [4.0, 3.0, 2.5]
    ```
    """

    initial_weights: list
    loss: Callable
    update: Callable
    keep: Callable = None
    data_at: Callable = no_data
    weights_at: Callable = all_of_it
    initial_slots: Any = ()
    seed: Any = None
    first_order: bool = False

    def start(self):
        """Returns the `InnerState` before the first step."""
        return InnerState(self.initial_weights, self.initial_slots, {})

    def loss_at(self, weights, written, step):
        """The loss before a step, with all that it returns.

        Args:
            weights: List of tensors, the weights that adapt.
            written: What the steps before have written.
            step: int or scalar int tensor.
        """
        every = self.weights_at(weights, step)
        return self.loss(every, self.data_at(every, step, fold_in(self.seed, step)), written, step)

    def step(self, state, number):
        """Returns the `InnerState` after a step."""
        gradients, written = adaptation.gradients(
            lambda weights: self.loss_at(weights, state.written, number),
            state.weights,
            self.first_order,
        )
        weights, slots = self.update(state.weights, gradients, state.slots, number)
        return InnerState(weights, slots, written)

    def states(self, steps):
        """Yields the `InnerState` after 0, 1, ..., `steps` steps, unrolled."""
        return adaptation.descend(self.step, self.start(), steps)

    def solve(self, steps):
        """Returns the `InnerState` after `steps` steps, unrolled."""
        *_, state = self.states(steps)
        return state

    def solve_checkpointed(self, steps, stored):
        """Returns the same in the memory of one step. See `checkpointing.descend`."""
        if not steps:
            return self.start()
        return checkpointing.descend(self.step, self.complete(stored), steps)

    def solve_without_derivative(self, steps, stored=None):
        """Returns the same by a loop through which no derivative flows.

        Args:
            steps: int or scalar int tensor.
            stored: See `complete`; `None` for a loss that writes nothing.
        """
        start = self.start() if stored is None else self.complete(stored)
        return adaptation.loop(self.step, start, steps)

    def complete(self, stored):
        """The start of a loop, whose state must have from the start what the first step adds to it.

        Args:
            stored: Callable, the key of something written to its value before the first step.
        """
        first = tf.function(lambda: self.step(self.start(), 0), autograph=False)
        written = first.get_concrete_function().structured_outputs.written
        return self.start()._replace(written={key: stored(key) for key in written})

    def kept(self, state, step):
        """The state of the task, after `step` steps have led to the `InnerState`."""
        return self.keep(self.weights_at(state.weights, step), state.written, step)

    def losses(self, steps):
        """The loss after 0, 1, ..., `steps` steps: a tensor `[steps + 1]`."""
        values = [
            self.loss_at(x.weights, x.written, k)[0] for k, x in enumerate(self.states(steps))
        ]
        return tf.stack(values)
