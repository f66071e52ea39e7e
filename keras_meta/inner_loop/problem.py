"""The inner problem of one task."""

import collections
import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_meta.inner_loop import adaptation, checkpointing
from keras_meta.inner_loop.functional import fold_in

InnerState = collections.namedtuple("InnerState", ["weights", "slots", "written"])
InnerState.__doc__ = """The state that is passed from inner step to inner step.

Attributes:
    weights: List of tensors, the weights that adapt.
    slots: The slots of the inner optimizer.
    written: dict of the state that the loss has updated, such as normalisation statistics.
"""


def all_of_it(weights, step):
    """Returns the adapted weights: there are no others."""
    del step
    return weights


def no_data(weights, step, seed):
    """Returns `None`, for a loss that needs no data."""
    del weights, step, seed


@dataclasses.dataclass(frozen=True)
class InnerProblem:
    """The problem that the inner steps of one task solve, made of replaceable parts.

    With the adapted weights `w_k`, all weights `v_k` of the model, data `D_k` and the loss `L`,

        w_0 = initial_weights
        v_k = weights_at(w_k, k),    D_k = data_at(v_k, k, seed)
        w_{k+1} = update(w_k, dL/dw (v_k, D_k), k)
        state of the task = keep(v_K, ..., K)

    A learner derives its problem from that of another one by `dataclasses.replace(problem,
    part=...)`: mini-batches and rollouts replace `data_at`, per-step weights `weights_at`, a
    proximal term `loss`, generated weights `initial_weights`.

    Attributes:
        initial_weights: List of tensors `w_0`.
        loss: Callable, `(all weights, data, written, step) -> (scalar loss, written)`, or these and
            a scale. See `adaptation.gradients`.
        update: Callable, `(weights, gradients, slots, step) -> (weights, slots)`, such as
            `InnerOptimizer.update` with its settings bound.
        keep: Callable, `(all weights, written, step) -> dict`: the state of the task; or `None`.
        data_at: Callable, `(all weights, step, seed) -> data`. By default there is no data.
        weights_at: Callable, `(adapted weights, step) -> all weights`.
        initial_slots: The slots before the first step.
        seed: int tensor `[2]` from which the seed of each step is derived, or `None`.
        first_order: bool. Whether the meta-gradient treats the inner gradient as a constant.

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
        """Returns the result of `loss` before a step.

        Args:
            weights: List of tensors, the adapted weights.
            written: The state updated by the previous steps.
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
        """Like `solve`, with the memory of one step. See `checkpointing.descend`."""
        if not steps:
            return self.start()
        return checkpointing.descend(self.step, self.complete(stored), steps)

    def solve_without_derivative(self, steps, stored=None):
        """Like `solve`, by a graph loop that is not differentiated.

        Args:
            steps: int or scalar int tensor.
            stored: See `complete`.
        """
        return adaptation.loop(self.step, self.complete(stored), steps)

    def complete(self, stored):
        """Returns the start of a graph loop, in which `written` must have all keys from the start.

        Args:
            stored: Callable, key of `written` to its value before the first step; `None` for a loss
                that updates no state.
        """
        if stored is None:
            return self.start()
        # Which keys these are shows once a step is traced.
        first = tf.function(lambda: self.step(self.start(), 0), autograph=False)
        written = first.get_concrete_function().structured_outputs.written
        return self.start()._replace(written={key: stored(key) for key in written})

    def kept(self, state, step):
        """Returns the state of the task from the `InnerState` after `step` steps."""
        return self.keep(self.weights_at(state.weights, step), state.written, step)

    def losses(self, steps):
        """Returns the loss after 0, 1, ..., `steps` steps, a tensor `[steps + 1]`."""
        values = [
            self.loss_at(x.weights, x.written, k)[0] for k, x in enumerate(self.states(steps))
        ]
        return tf.stack(values)
