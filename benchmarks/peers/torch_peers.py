"""PyTorch: a loop over tasks as learn2learn runs it, and `torch.func.vmap`."""

import os
import types

import sequences
import torch
import torch.nn.functional as functional
import works


def _same(x, stride):
    """Pads as TensorFlow does."""
    size = x.shape[-1]
    total = max((-(-size // stride) - 1) * stride + 3 - size, 0)
    before, after = total // 2, total - total // 2
    return functional.pad(x, (before, after, before, after))


_OPS = types.SimpleNamespace(
    take=lambda table, tokens: functional.embedding(tokens, table),
    zeros=lambda *shape: torch.zeros(shape),
    mean=lambda x, axis, keep: x.mean(axis, keepdim=keep),
    softmax=lambda x: torch.softmax(x, -1),
    gelu=functional.gelu,
    constant=torch.from_numpy,
    **{name: getattr(torch, name) for name in ("einsum", "sigmoid", "tanh", "relu", "rsqrt")},
)


def _network(work, frozen):
    def strided_or_pooled(weights, x):
        strided = work.network == "strided"
        for block in range(4):
            kernel, scale, offset = weights[3 * block : 3 * block + 3]
            x = (
                functional.conv2d(_same(x, 2), kernel, stride=2)
                if strided
                else functional.conv2d(x, kernel, padding=1)
            )
            x = functional.batch_norm(x, None, None, scale, offset, training=True, eps=1e-3)
            x = torch.relu(x)
            x = x if strided else functional.max_pool2d(x, 2)
        x = x.mean((2, 3)) if strided else x.flatten(1)
        return x @ weights[-2] + weights[-1]

    def mlp(weights, x):
        for layer in range(3):
            x = x @ weights[2 * layer] + weights[2 * layer + 1]
            x = torch.relu(x) if layer < 2 else x
        return x

    if work.convolves:
        return strided_or_pooled
    return mlp if work.network == "mlp" else sequences.network(work, _OPS, frozen)


def make(contender, work, arrays, initial):
    """Returns a function that does one meta-step and returns the query loss."""
    torch.set_num_threads(os.cpu_count())
    network = _network(work, [torch.from_numpy(w) for w in works.frozen_weights(work)])

    def criterion(predictions, y):
        if work.network == "mlp":
            return functional.mse_loss(predictions, y)
        return functional.cross_entropy(predictions.flatten(0, -2), y.flatten())

    def tensor(array):
        array = torch.from_numpy(array)
        return array.long() if array.dtype == torch.int32 else array

    support_x, support_y, query_x, query_y = map(tensor, arrays)
    weights = [tensor(w) for w in initial]
    if work.convolves:
        support_x, query_x = (x.permute(0, 1, 4, 2, 3).contiguous() for x in (support_x, query_x))
        weights = [w.permute(3, 2, 0, 1).contiguous() if w.ndim == 4 else w for w in weights]
        if work.network == "pooled":
            # Flattened with channels first here, last there.
            filters = weights[-2].shape[0] // 25
            dense = weights[-2].reshape(25, filters, -1).transpose(0, 1)
            weights[-2] = dense.reshape(25 * filters, -1).contiguous()
    weights = [w.clone().requires_grad_() for w in weights]
    optimizer = torch.optim.Adam(weights, lr=1e-3, eps=1e-7)

    def loop():
        total = 0.0
        for task in range(work.tasks):
            fast = weights
            for _ in range(work.steps):
                loss = criterion(network(fast, support_x[task]), support_y[task])
                gradients = torch.autograd.grad(loss, fast, create_graph=not work.first_order)
                fast = [w - work.rate * g for w, g in zip(fast, gradients, strict=True)]
            loss = criterion(network(fast, query_x[task]), query_y[task]) / work.tasks
            loss.backward()  # frees the graph of the task
            total += loss.item()
        return total

    def task_loss(weights, support_x, support_y, query_x, query_y):
        def support_loss(fast):
            return criterion(network(fast, support_x), support_y)

        fast = weights
        for _ in range(work.steps):
            gradients = torch.func.grad(support_loss)(fast)
            if work.first_order:
                gradients = [g.detach() for g in gradients]
            fast = [w - work.rate * g for w, g in zip(fast, gradients, strict=True)]
        return criterion(network(fast, query_x), query_y)

    mapped = torch.func.vmap(task_loss, in_dims=(None, 0, 0, 0, 0))

    def vmap():
        loss = mapped(weights, support_x, support_y, query_x, query_y).mean()
        loss.backward()
        return loss.item()

    compute = {"torch loop": loop, "torch vmap": vmap}[contender]

    def step():
        optimizer.zero_grad()
        loss = compute()
        optimizer.step()
        return loss

    return step
