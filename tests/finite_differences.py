"""Central differences of the meta-loss, the measure of every meta-gradient."""

import numpy as np
import tensorflow as tf


def directional(function, variables, direction, step=1e-5):
    """`(f(w + h d) - f(w - h d)) / 2h`, with the variables put back as they were."""
    original = [tf.identity(v.value) for v in variables]
    values = []
    for sign in (1.0, -1.0):
        for variable, start, d in zip(variables, original, direction, strict=True):
            variable.assign(start + sign * step * d)
        values.append(float(function()))
    for variable, start in zip(variables, original, strict=True):
        variable.assign(start)
    return (values[0] - values[1]) / (2.0 * step)


def random_direction(variables, seed=0):
    """A random direction of length 1 in the space of all variables."""
    generator = np.random.default_rng(seed)
    direction = [generator.normal(size=v.shape) for v in variables]
    norm = np.sqrt(sum((d**2).sum() for d in direction))
    return [d / norm for d in direction]


def dot(gradients, direction):
    """The directional derivative that `gradients` claim."""
    return sum(
        float(tf.reduce_sum(tf.cast(g, d.dtype) * d))
        for g, d in zip(gradients, direction, strict=True)
        if g is not None
    )
