"""What is computed: the networks, tasks and initial weights that all contenders share.

One meta-step is: for each task, `steps` gradient steps on the support set by the mean
cross-entropy or squared error; the gradient of the mean query loss, of second order unless
`first_order`; one Adam step of rate 1e-3. Batch normalisation uses the statistics of its batch.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Work:
    """One line of the benchmark."""

    # "strided" (28x28x1, 64 filters), "pooled" (84x84x3, 32 filters), "mlp", "lstm",
    # "transformer", "gpt", "lora"
    network: str
    tasks: int
    steps: int
    ways: int = 5
    queries: int = 1
    first_order: bool = False
    rate: float = 0.1

    @property
    def convolves(self):
        return self.network in ("strided", "pooled")

    @property
    def size(self):
        return {"strided": (28, 1, 64), "pooled": (84, 3, 32)}[self.network]


WORKS = {
    "a1": Work("strided", tasks=32, steps=1),
    "a5": Work("strided", tasks=32, steps=5),
    "b1": Work("strided", tasks=32, steps=1, ways=20),
    "b5": Work("strided", tasks=32, steps=5, ways=20),
    "c4": Work("pooled", tasks=4, steps=5, queries=15, rate=0.01),
    "c16": Work("pooled", tasks=16, steps=5, queries=15, rate=0.01),
    "d1": Work("mlp", tasks=25, steps=1, rate=0.01),
    "d5": Work("mlp", tasks=25, steps=5, rate=0.01),
    "e-lstm": Work("lstm", tasks=8, steps=1, queries=5),
    "e-transformer": Work("transformer", tasks=8, steps=1, queries=5),
    "e-gpt": Work("gpt", tasks=4, steps=1),
    "e-lora": Work("lora", tasks=4, steps=1),
    "h-a": Work("strided", tasks=32, steps=1, first_order=True),
    "h-d": Work("mlp", tasks=25, steps=1, first_order=True, rate=0.01),
}

DESCRIPTIONS = {
    "a1": "Conv4-64 28x28, 5-way 1-shot, 32 tasks, 1 step",
    "a5": "the same, 5 steps",
    "b1": "Conv4-64 28x28, 20-way 1-shot, 32 tasks, 1 step",
    "b5": "the same, 5 steps",
    "c4": "Conv4-32 84x84, 5-way 1-shot, 15 queries, 5 steps, 4 tasks",
    "c16": "the same, 16 tasks",
    "d1": "sinusoid MLP, 25 tasks, 1 step",
    "d5": "the same, 5 steps",
    "e-lstm": "LSTM of 64 over 20 tokens, 5-way 5-shot, 8 tasks, 1 step",
    "e-transformer": "transformer block of width 64 over 20 tokens, the same tasks",
    "e-gpt": "causal transformer of 4 blocks of width 64, 5 lines of 64 bytes, 4 tasks, 1 step",
    "e-lora": "the same, only LoRA weights of rank 4 in its dense layers learned and adapted",
    "h-a": "a1, first order",
    "h-d": "d1, first order",
}


def data(work):
    """Returns `(support_x, support_y, query_x, query_y)` as arrays with tasks on axis 0."""
    random = np.random.default_rng(0)
    if work.network == "mlp":
        x = random.uniform(-5, 5, (work.tasks, 20, 1)).astype("float32")
        amplitude = random.uniform(0.1, 5, (work.tasks, 1, 1))
        y = (amplitude * np.sin(x - random.uniform(0, np.pi, amplitude.shape))).astype("float32")
        return x[:, :10], y[:, :10], x[:, 10:], y[:, 10:]
    if work.network in ("gpt", "lora"):
        lines = random.integers(0, 256, (2, work.tasks, 5, 65)).astype("int32")
        return lines[0, ..., :-1], lines[0, ..., 1:], lines[1, ..., :-1], lines[1, ..., 1:]
    if not work.convolves:
        tokens = random.integers(0, 1000, (2, work.tasks, 25, 20)).astype("int32")
        labels = np.tile(np.arange(25, dtype="int32") % 5, (work.tasks, 1))
        return tokens[0], labels, tokens[1], labels
    size, channels, _ = work.size
    labels = np.tile(np.arange(work.ways, dtype="int32"), (work.tasks, 1))
    # Classes that can be told apart, so that losses stay in their usual range.
    shape = (work.tasks, work.ways, 1, size, size, channels)
    drawings = random.random(shape, dtype="float32")
    noise = random.random((work.tasks, work.ways, 1 + work.queries, size, size, channels))
    images = (drawings + 0.3 * noise).astype("float32")
    support, query = images[:, :, 0], images[:, :, 1:].reshape(work.tasks, -1, *shape[3:])
    return support, labels, query, np.repeat(labels, work.queries, axis=1)


def initial_weights(work):
    """Returns the weights in the order of Keras: of each layer kernel, then scale and offset."""
    random = np.random.default_rng(1)

    def kernel(*shape):
        fan = np.prod(shape[:-1]) + np.prod(shape[:-2]) * shape[-1]
        return random.normal(0.0, np.sqrt(2.0 / fan), shape).astype("float32")

    if work.network == "mlp":
        sizes = [(1, 40), (40, 40), (40, 1)]
        return [w for s in sizes for w in (kernel(*s), np.zeros(s[1], "float32"))]
    if work.network == "lstm":
        forget = np.repeat([0, 1, 0, 0], 64).astype("float32")
        recurrent = [kernel(64, 256), kernel(64, 256), forget]
        return [kernel(1000, 64), *recurrent, kernel(64, 5), np.zeros(5, "float32")]
    if work.network == "transformer":
        zeros, ones = np.zeros(64, "float32"), np.ones(64, "float32")
        projection = [kernel(64, 64).reshape(64, 4, 16), zeros.reshape(4, 16)]
        attention = [*projection, *projection, *projection]
        attention += [kernel(64, 64).reshape(4, 16, 64), zeros]
        dense = [kernel(64, 128), np.zeros(128, "float32"), kernel(128, 64), zeros]
        head = [kernel(64, 5), np.zeros(5, "float32")]
        return [kernel(1000, 64), *attention, ones, zeros, *dense, ones, zeros, *head]
    if work.network == "gpt":
        return _gpt(kernel)
    if work.network == "lora":
        pairs = [(kernel(*s), kernel(*t)) for s, t in [((64, 4), (4, 256)), ((256, 4), (4, 64))]]
        return [w for _ in range(4) for pair in pairs for w in pair]
    _, channels, filters = work.size
    weights = []
    for _ in range(4):
        ones = np.ones(filters, "float32")
        weights += [kernel(3, 3, channels, filters), ones, 0 * ones]
        channels = filters
    features = filters if work.network == "strided" else 25 * filters
    return [*weights, kernel(features, work.ways), np.zeros(work.ways, "float32")]


def _gpt(kernel):
    zeros, ones = np.zeros(64, "float32"), np.ones(64, "float32")
    weights = [kernel(256, 64), kernel(64, 64)]
    for _ in range(4):
        weights += [ones, zeros]
        for _ in range(3):
            weights += [kernel(64, 64).reshape(64, 4, 16), zeros.reshape(4, 16)]
        weights += [kernel(64, 64).reshape(4, 16, 64), zeros, ones, zeros]
        weights += [kernel(64, 256), np.zeros(256, "float32"), kernel(256, 64), zeros]
    return [*weights, ones, zeros, kernel(64, 256), np.zeros(256, "float32")]


def frozen_weights(work):
    """Returns the weights that are neither learned nor adapted."""
    if work.network != "lora":
        return []
    return initial_weights(dataclasses.replace(work, network="gpt"))


def flops(work):
    """Arithmetic of the convolutions in one second-order meta-step.

    A pass forward costs `F`, a pass back `2 F` (less the images' own gradient, in the first layer).
    Each inner step goes forward and back, and the meta-gradient goes back through both, `6 F`
    more at most; the query goes forward and back.
    """
    if not work.convolves or work.first_order:
        return None
    size, channels, filters = work.size
    per_image = 0
    first = 0
    for block in range(4):
        size = -(-size // 2) if work.network == "strided" else size
        layer = 2 * size * size * 9 * channels * filters
        first = layer if block == 0 else first
        per_image += layer
        channels = filters
        size = size if work.network == "strided" else size // 2
    forward_and_back = 3 * per_image - first
    support = work.ways * work.steps * (2 * forward_and_back + 2 * (per_image - first) + per_image)
    return work.tasks * (support + work.ways * work.queries * forward_and_back)
