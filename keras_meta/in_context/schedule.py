"""The sizes of tables and the learning rate at each step of training."""

import dataclasses

import keras
import numpy as np

from keras_meta.episodes.table_prior.functions import generator

# How often tables have up to so many classes.
_CLASSES = {2: 0.4, 3: 0.2, 4: 0.1, 5: 0.1, 6: 0.07, 8: 0.06, 10: 0.07}


@dataclasses.dataclass(frozen=True)
class Sizes:
    """The size of the tables of one step, which all have the same.

    Args:
        tables: int.
        support: int, the number of support rows.
        queries: int.
        columns: int.
        classes: int, the most classes, or `None` for numbers.
    """

    tables: int
    support: int
    queries: int
    columns: int
    classes: int | None


def sizes(seed, step, cells=14_000, group_size=2, regression=0.3, short_steps=2_000):
    """Draws the sizes of a step, a function of `(seed, step)`.

    Support rows number 12 to 320, in the first steps up to 128; columns 2 to 24, and in one of
    twelve steps up to 50. Both are denser at small numbers. The number of tables follows, so that
    steps take about the same time.

    Args:
        seed: int.
        step: int.
        cells: int. The number of tokens of a step: tables, times rows, times tokens of a row.
        group_size: int. Number of columns that share a token.
        regression: float. How often tables have numbers to predict.
        short_steps: int. The number of first steps without long tables.

    Returns:
        `Sizes`.
    """
    random = generator(seed, step, stream=1)
    most = 128 if step < short_steps else 320
    support = _skewed(random, 12, most)
    queries = int(np.clip(support, 32, 64))
    if random.random() < 1 / 12:
        columns = int(random.integers(20, 51))
        support = min(support, 128)
    else:
        columns = _skewed(random, 2, 24)
    classes = None
    if random.random() >= regression:
        classes = int(random.choice(list(_CLASSES), p=list(_CLASSES.values())))
    tokens = 1 - (-columns // group_size)
    tables = int(np.clip(round(cells / ((support + queries) * tokens)), 4, 64))
    return Sizes(tables, support, queries, columns, classes)


def _skewed(random, low, high):
    """Draws an integer between two bounds, uniform in between a logarithmic and a linear scale."""
    return int(low * (high / low) ** (random.random() ** 0.7) + 0.5)


@keras.saving.register_keras_serializable("keras_meta")
class WarmupStableDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises, stays, and falls to zero at the end.

    Up to the fall it does not depend on the number of steps, so a run can be made longer.

    Args:
        peak: float. The learning rate between warm-up and decay.
        steps: int. The number of steps of the run.
        warmup: int. The number of steps in which the rate rises.
        decay: float. The share of the steps in which it falls.
    """

    def __init__(self, peak, steps, warmup=500, decay=0.3):
        self.peak, self.steps, self.warmup, self.decay = peak, steps, warmup, decay

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        rise = (step + 1.0) / self.warmup
        fall = (self.steps - step) / max(self.steps * self.decay, 1.0)
        return self.peak * keras.ops.clip(keras.ops.minimum(rise, fall), 0.0, 1.0)

    def get_config(self):
        return {
            "peak": self.peak,
            "steps": self.steps,
            "warmup": self.warmup,
            "decay": self.decay,
        }
