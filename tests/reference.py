"""MAML for a dense network, written out by hand, to compare the library with.

It shares nothing with the library: explicit weight matrices, explicit first derivatives by the
chain rule, and one tape for the meta-gradient. Everything is in float64.
"""

import tensorflow as tf


def forward(weights, x):
    """Two layers with tanh between, and what the backward pass needs."""
    w1, b1, w2, b2 = weights
    hidden = tf.tanh(x @ w1 + b1)
    return hidden, hidden @ w2 + b2


def squared_error(weights, x, y):
    """Mean squared error."""
    return tf.reduce_mean(tf.square(forward(weights, x)[1] - y))


def squared_error_gradient(weights, x, y):
    """Its gradient, by hand."""
    _, _, w2, _ = weights
    hidden, output = forward(weights, x)
    d_output = 2.0 * (output - y) / tf.cast(tf.size(output), output.dtype)
    d_hidden = (d_output @ tf.transpose(w2)) * (1.0 - hidden**2)
    return [
        tf.transpose(x) @ d_hidden,
        tf.reduce_sum(d_hidden, 0),
        tf.transpose(hidden) @ d_output,
        tf.reduce_sum(d_output, 0),
    ]


def adapt(weights, x, y, learning_rate, steps, first_order=False):
    """Gradient descent on the support set."""
    for _ in range(steps):
        gradients = squared_error_gradient(weights, x, y)
        if first_order:
            gradients = [tf.stop_gradient(g) for g in gradients]
        weights = [w - learning_rate * g for w, g in zip(weights, gradients, strict=True)]
    return weights


def meta_gradient(weights, episodes, learning_rate, steps, first_order=False):
    """Gradient of the mean query loss over tasks in the initial weights."""
    inputs, query_y = episodes
    with tf.GradientTape() as tape:
        tape.watch(weights)
        losses = []
        for task in range(query_y.shape[0]):
            adapted = adapt(
                weights,
                inputs["support_x"][task],
                inputs["support_y"][task],
                learning_rate,
                steps,
                first_order,
            )
            losses.append(squared_error(adapted, inputs["query_x"][task], query_y[task]))
        loss = tf.add_n(losses) / len(losses)
    return loss, tape.gradient(loss, weights)
