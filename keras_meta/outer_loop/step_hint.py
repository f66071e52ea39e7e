"""A hint for steps so short that Keras takes as long between them."""

import time
import warnings

import keras

# Between two steps, Keras takes about a millisecond.
_SHORT = 0.004
_STEPS = 100
_hinted = False


class StepHint(keras.callbacks.Callback):
    """Warns once if steps of an epoch are short and each is an execution of its own.

    The first epoch of a run is not timed: it begins with the trace of the step.
    """

    def on_train_begin(self, logs=None):
        self.started = None

    def on_epoch_begin(self, epoch, logs=None):
        if self.started is not None:
            self.started = time.perf_counter(), int(self.model.outer_step)

    def on_epoch_end(self, epoch, logs=None):
        global _hinted
        if self.started is None:
            self.started = ()
            return
        seconds = time.perf_counter() - self.started[0]
        steps = int(self.model.outer_step) - self.started[1]
        if _hinted or steps < _STEPS or seconds > _SHORT * steps:
            return
        _hinted = True
        warnings.warn(
            f"A step takes {1000 * seconds / steps:.1f} ms, much of it spent between steps. "
            "`compile(..., steps_per_execution=100)` computes a hundred of them at once, to the "
            "same weights; callbacks are called after each hundred.",
            stacklevel=2,
        )


def added(model, positional, arguments):
    """Returns the arguments of `fit` with a `StepHint`, where it may have something to say.

    Args:
        model: An `OuterModel`.
        positional: Tuple of the arguments of `fit` without a name, but for the first.
        arguments: dict of the others.
    """
    callbacks = arguments.get("callbacks")
    # With positional arguments, it is not known here what they are.
    known = not positional and not isinstance(callbacks, keras.callbacks.CallbackList)
    if _hinted or not known or model.steps_per_execution != 1:
        return arguments
    return {**arguments, "callbacks": [*keras.tree.flatten(callbacks or []), StepHint()]}
