"""The phases of a training run, of which languages have two."""

import math
import warnings
from collections.abc import Callable
from typing import NamedTuple


class Phase(NamedTuple):
    """A part of a run.

    Attributes:
        first_epoch: int.
        epochs: int. The number of epochs of the run at its end.
        save: Callable that takes the learner, and writes what the phase has learned so far.
    """

    first_epoch: int
    epochs: int
    save: Callable


def phases(learner, folder, config):
    """Yields the phases of a run, and prepares the learner for each.

    One model of all languages is trained first, by the learner without its inner steps, and the
    learner goes on from its weights. All else has one phase.

    Args:
        learner: A compiled learner.
        folder: `RunFolder`.
        config: dict, the options of the run.
    """

    def epochs(iterations):
        return math.ceil(iterations / config["epoch_iterations"])

    pooled = config.get("pooled_iterations")
    if pooled:
        steps = learner.inner_steps, learner.eval_inner_steps
        learner.inner_steps = learner.eval_inner_steps = 0
        with warnings.catch_warnings():
            # Of the rates of the inner steps.
            warnings.filterwarnings("ignore", "Gradients do not exist")
            yield Phase(0, epochs(pooled), lambda learner: folder.write_pooled_model(learner.model))
        learner.inner_steps, learner.eval_inner_steps = steps
    yield Phase(epochs(pooled or 0), epochs(config["iterations"]), folder.write_learner)
