"""Support sets of clusters, and the derivatives of what is learned from them."""

import numpy as np
import tensorflow as tf


def clusters(examples, features, ways, spread=0.5, seed=0):
    """Features, one-hot labels and class numbers."""
    generator = np.random.default_rng(seed)
    labels = np.arange(examples) % ways
    means = generator.normal(size=(ways, features))
    x = means[labels] + spread * generator.normal(size=(examples, features))
    return x, np.eye(ways)[labels], labels


def check_derivatives(solve, x, y, number, step=1e-5, rtol=1e-6, learned=True):
    """Derivatives in the features, and in a learned `number`, equal central differences."""
    generator = np.random.default_rng(1)
    weights, direction = (
        generator.normal(size=(x.shape[1], y.shape[1])),
        generator.normal(size=x.shape),
    )
    direction /= np.linalg.norm(direction)

    @tf.function(autograph=False)
    def value(x, number):
        with tf.GradientTape() as tape:
            tape.watch([x, number])
            loss = tf.reduce_sum(weights * solve(x, tf.constant(y), number))
        return loss, tape.gradient(loss, [x, number])

    x, number = tf.constant(x), tf.constant(number, tf.float64)
    _, (in_x, in_number) = value(x, number)
    differences = value(x + step * direction, number)[0] - value(x - step * direction, number)[0]
    np.testing.assert_allclose(
        tf.reduce_sum(in_x * direction), differences / (2 * step), rtol=rtol, atol=1e-7
    )
    if not learned:
        return
    h = 1e-4 * number
    differences = value(x, number + h)[0] - value(x, number - h)[0]
    np.testing.assert_allclose(in_number, differences / (2 * h), rtol=1e-4, atol=1e-6)
