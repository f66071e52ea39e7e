"""JAX: `jax.vmap` over tasks, with the library's convolution or one of shifted matrix products."""

import types

import jax
import jax.numpy as jnp
import sequences
import works

_OPS = types.SimpleNamespace(
    take=lambda table, tokens: table[tokens],
    zeros=lambda *shape: jnp.zeros(shape),
    mean=lambda x, axis, keep: x.mean(axis, keepdims=keep),
    softmax=jax.nn.softmax,
    sigmoid=jax.nn.sigmoid,
    tanh=jnp.tanh,
    relu=jax.nn.relu,
    rsqrt=jax.lax.rsqrt,
    einsum=jnp.einsum,
    gelu=lambda x: jax.nn.gelu(x, approximate=False),
    constant=jnp.asarray,
)


def _convolve(x, kernel, stride):
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def _shifted_products(x, kernel, stride):
    """A sum over kernel places of shifted images times matrices, which batches over kernels."""
    size = x.shape[1]
    new = -(-size // stride)
    total = max((new - 1) * stride + 3 - size, 0)
    pad = (total // 2, total - total // 2)
    x = jnp.pad(x, ((0, 0), pad, pad, (0, 0)))
    span = stride * (new - 1) + 1
    return sum(
        x[:, i : i + span : stride, j : j + span : stride] @ kernel[i, j]
        for i in range(3)
        for j in range(3)
    )


def _network(work, convolve):
    def strided_or_pooled(weights, x):
        strided = work.network == "strided"
        for block in range(4):
            kernel, scale, offset = weights[3 * block : 3 * block + 3]
            x = convolve(x, kernel, 2 if strided else 1)
            mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
            x = jax.nn.relu((x - mean) * (scale * jax.lax.rsqrt(variance + 1e-3)) + offset)
            if not strided:
                n, size, _, channels = x.shape
                half = size // 2
                x = x[:, : 2 * half, : 2 * half].reshape(n, half, 2, half, 2, channels)
                x = x.max((2, 4))
        x = x.mean((1, 2)) if strided else x.reshape(x.shape[0], -1)
        return x @ weights[-2] + weights[-1]

    def mlp(weights, x):
        for layer in range(3):
            x = x @ weights[2 * layer] + weights[2 * layer + 1]
            x = jax.nn.relu(x) if layer < 2 else x
        return x

    if work.convolves:
        return strided_or_pooled
    frozen = [jnp.asarray(weight) for weight in works.frozen_weights(work)]
    return mlp if work.network == "mlp" else sequences.network(work, _OPS, frozen)


def make(contender, work, arrays, initial):
    """Returns a function that does one meta-step and returns the query loss."""
    network = _network(work, _shifted_products if "shifted" in contender else _convolve)

    def criterion(predictions, y):
        if work.network == "mlp":
            return jnp.mean((predictions - y) ** 2)
        log = jax.nn.log_softmax(predictions)
        return -jnp.mean(jnp.take_along_axis(log, y[..., None], axis=-1))

    def task_loss(weights, support_x, support_y, query_x, query_y):
        fast = weights
        for _ in range(work.steps):
            gradients = jax.grad(lambda w: criterion(network(w, support_x), support_y))(fast)
            if work.first_order:
                gradients = jax.lax.stop_gradient(gradients)
            fast = [w - work.rate * g for w, g in zip(fast, gradients, strict=True)]
        return criterion(network(fast, query_x), query_y)

    def mean_loss(weights, batch):
        return jax.vmap(task_loss, (None, 0, 0, 0, 0))(weights, *batch).mean()

    @jax.jit
    def update(weights, first, second, count, batch):
        loss, gradients = jax.value_and_grad(mean_loss)(weights, batch)
        count = count + 1
        first = [0.9 * m + 0.1 * g for m, g in zip(first, gradients, strict=True)]
        second = [0.999 * v + 0.001 * g * g for v, g in zip(second, gradients, strict=True)]
        rate = 1e-3 * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        weights = [
            w - rate * m / (jnp.sqrt(v) + 1e-7)
            for w, m, v in zip(weights, first, second, strict=True)
        ]
        return loss, weights, first, second, count

    batch = tuple(map(jnp.asarray, arrays))
    weights = [jnp.asarray(w) for w in initial]
    zeros = [jnp.zeros_like(w) for w in weights]
    state = [weights, zeros, zeros, jnp.zeros((), jnp.float32)]

    def step():
        loss, *state[:] = update(*state, batch)
        return float(loss)

    return step
