"""TensorFlow as it is often written: the outer tape around `tf.map_fn`."""

import types

import sequences
import tensorflow as tf
import works

_OPS = types.SimpleNamespace(
    take=tf.gather,
    zeros=lambda *shape: tf.zeros(shape),
    mean=lambda x, axis, keep: tf.reduce_mean(x, axis, keepdims=keep),
    softmax=tf.nn.softmax,
    sigmoid=tf.sigmoid,
    tanh=tf.tanh,
    relu=tf.nn.relu,
    rsqrt=tf.math.rsqrt,
    einsum=tf.einsum,
    gelu=tf.nn.gelu,
    constant=tf.constant,
)


def _moments(x):
    # `tf.nn.moments` stops the gradient of the mean, which makes second derivatives wrong.
    mean = tf.reduce_mean(x, [0, 1, 2])
    return mean, tf.reduce_mean(tf.square(x - mean), [0, 1, 2])


def _network(work):
    def strided_or_pooled(weights, x):
        strided = work.network == "strided"
        for block in range(4):
            kernel, scale, offset = weights[3 * block : 3 * block + 3]
            x = tf.nn.conv2d(x, kernel, 2 if strided else 1, "SAME")
            x = tf.nn.relu(tf.nn.batch_normalization(x, *_moments(x), offset, scale, 1e-3))
            x = x if strided else tf.nn.max_pool2d(x, 2, 2, "VALID")
        x = tf.reduce_mean(x, [1, 2]) if strided else tf.reshape(x, [x.shape[0], -1])
        return x @ weights[-2] + weights[-1]

    def mlp(weights, x):
        for layer in range(3):
            x = x @ weights[2 * layer] + weights[2 * layer + 1]
            x = tf.nn.relu(x) if layer < 2 else x
        return x

    if work.convolves:
        return strided_or_pooled
    return (
        mlp if work.network == "mlp" else sequences.network(work, _OPS, works.frozen_weights(work))
    )


def make(contender, work, arrays, initial):
    """Returns a function that does one meta-step and returns the query loss."""
    del contender
    network = _network(work)
    variables = [tf.Variable(w) for w in initial]
    batch = tuple(map(tf.constant, arrays))
    optimizer = tf.keras.optimizers.Adam(1e-3)
    optimizer.build(variables)

    def criterion(predictions, y):
        if work.network == "mlp":
            return tf.reduce_mean(tf.square(predictions - y))
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, predictions))

    def task_loss(task):
        support_x, support_y, query_x, query_y = task
        fast = [tf.convert_to_tensor(v) for v in variables]
        for _ in range(work.steps):
            with tf.GradientTape() as tape:
                tape.watch(fast)
                loss = criterion(network(fast, support_x), support_y)
            gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, fast)]
            if work.first_order:
                gradients = [tf.stop_gradient(g) for g in gradients]
            fast = [w - work.rate * g for w, g in zip(fast, gradients, strict=True)]
        return criterion(network(fast, query_x), query_y)

    @tf.function(autograph=False)
    def update():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.map_fn(task_loss, batch, fn_output_signature=tf.float32))
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    return lambda: float(update())
