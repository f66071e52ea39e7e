"""Parameters of tasks, drawn from a range or a list."""

import keras
import numpy as np
import tensorflow as tf

from keras_meta.inner_loop.random_numbers import below


@keras.saving.register_keras_serializable("keras_meta")
class Uniform:
    """A number or an array drawn uniformly between two bounds.

    Args:
        low: float or array, the lower bound.
        high: float or array of the same shape, the upper bound.

    Raises:
        ValueError: If a bound is not finite or the lower exceeds the upper.
    """

    def __init__(self, low, high):
        self.low, self.high = np.asarray(low, np.float32), np.asarray(high, np.float32)
        valid = self.low.shape == self.high.shape and np.isfinite(self.high - self.low).all()
        if not valid or (self.low > self.high).any():
            raise ValueError(
                "`low` and `high` must be finite, of the same shape, and `low` no greater than "
                f"`high`. Received: low={low}, high={high}"
            )
        self.shape = self.low.shape

    @property
    def example(self):
        return self.low

    def sample(self, uniform):
        """Turns uniform numbers `[tasks, *shape]` into parameters."""
        return self.low + (self.high - self.low) * uniform

    def get_config(self):
        return {"low": self.low.tolist(), "high": self.high.tolist()}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable("keras_meta")
class Choice:
    """One of several values, all equally likely.

    Args:
        values: List of numbers, bools, strings or arrays of one shape.

    Raises:
        ValueError: If there are no values, or they do not form an array.
    """

    def __init__(self, values):
        array = np.asarray(values)
        if not len(values) or array.dtype == object:
            raise ValueError(
                "`values` must be a list of numbers, bools, strings or arrays of one shape. "
                f"Received: values={values}"
            )
        self.values = array.astype(np.float32) if array.dtype.kind == "f" else array
        self.shape = ()

    @property
    def example(self):
        return self.values[0]

    def sample(self, uniform):
        """Turns uniform numbers `[tasks]` into parameters."""
        return tf.gather(tf.constant(self.values), below(uniform, len(self.values)))

    def get_config(self):
        return {"values": self.values.tolist()}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
