"""Random functions of several variables, the mechanisms of structural causal models.

Each takes a NumPy generator, standardised causes `[rows, causes]` and the number of effects, and
returns effects `[rows, effects]`.
"""

import numpy as np

ACTIVATIONS = {
    "identity": lambda x: x,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0.0),
    "sine": np.sin,
    "absolute": np.abs,
    "square": np.square,
    "bump": lambda x: np.exp(-np.square(x)),
    "sign": np.sign,
    "steps": np.floor,
    "softplus": lambda x: np.logaddexp(0.0, x),
}


def generator(seed, number, stream=0):
    """Returns a `numpy.random.Generator` that is a function of a seed and two numbers.

    Args:
        seed: int.
        number: int, such as the number of a task.
        stream: int. Another stream of the same number is independent.
    """
    # Unsigned from the start: a list with a large number would become floats, and keys collide.
    key = np.array([seed % 2**64, number], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=np.uint64(stream) << 32))


def standardize(x):
    """Returns columns of mean 0 and variance 1; a constant column becomes 0."""
    x = x - x.mean(0)
    return x / np.maximum(x.std(0), 1e-6)


def sparse_weights(random, causes, effects):
    """Draws weights `[causes, effects]` of which a random share is zero, in columns of length 1."""
    weights = random.standard_normal((causes, effects))
    if random.random() < 0.5:
        # Weights of unequal size: few causes matter.
        weights *= np.exp(random.uniform(0.0, 1.5) * random.standard_normal((causes, effects)))
    kept = random.random((causes, effects)) > random.uniform(0.0, 0.8)
    kept[random.integers(causes, size=effects), np.arange(effects)] = True
    weights *= kept
    return weights / np.maximum(np.sqrt(np.square(weights).sum(0)), 1e-6)


def linear(random, x, effects):
    """Linear functions, `f(x) = W x`."""
    return x @ sparse_weights(random, x.shape[1], effects)


def network(random, x, effects):
    """A layer of a neural network, `f(x) = s(a (W x + b))`.

    The gain `a`, the bias `b` and the activation `s` are drawn, `s` for all effects or for each: a
    large gain makes sharp boundaries.
    """
    z = x @ sparse_weights(random, x.shape[1], effects)
    z = np.exp(random.uniform(-0.7, 1.4)) * (z + random.standard_normal(effects))
    names = list(ACTIVATIONS)
    if random.random() < 0.6:
        return ACTIVATIONS[names[random.integers(len(names))]](z)
    each = random.integers(len(names), size=effects)
    return np.stack([ACTIVATIONS[names[i]](z[:, j]) for j, i in enumerate(each)], 1)


def trees(random, x, effects):
    """Sums of decision trees: each splits on one cause at a time, at a value of a random row."""
    rows, causes = x.shape
    count, depth = int(np.exp(random.uniform(0.0, 3.2))), random.integers(1, 6)
    nodes = 2**depth - 1
    relevant = random.permutation(causes)[: random.integers(1, causes + 1)]
    cause = relevant[random.integers(len(relevant), size=(count, nodes))]
    threshold = x[random.integers(rows, size=(count, nodes)), cause]
    leaves = random.standard_normal((count, nodes + 1, effects))
    tree, row = np.arange(count), np.arange(rows)[:, None]
    node = np.zeros((rows, count), int)
    for _ in range(depth):
        above = x[row, cause[tree, node]] > threshold[tree, node]
        node = 2 * node + 1 + above
    return leaves[tree, node - nodes].sum(1)


def waves(random, x, effects, count=48):
    """Draws like those of Gaussian processes, `f(x) = sum_j a_j cos(w_j x + b_j)`.

    Frequencies `w_j` are normal or, for rougher functions, Student's t; the length scale of each
    cause is drawn, and some causes do not matter.
    """
    causes = x.shape[1]
    frequencies = random.standard_normal((causes, count))
    if random.random() < 0.5:
        frequencies /= np.sqrt(random.gamma(1.5, 1.0 / 1.5, size=count))
    scale = np.exp(0.7 * random.standard_normal((causes, 1)))
    scale *= random.random((causes, 1)) > random.uniform(0.0, 0.7)
    scale *= np.exp(random.uniform(-1.0, 1.0)) / max(np.sqrt(np.square(scale).sum()), 1e-3)
    phase = random.uniform(0.0, 2 * np.pi, count)
    return np.cos(x @ (scale * frequencies) + phase) @ random.standard_normal((count, effects))


def products(random, x, effects):
    """Products of two linear functions."""
    return linear(random, x, effects) * (linear(random, x, effects) + random.normal(0.0, 0.5))


MECHANISMS = {
    "linear": linear,
    "network": network,
    "trees": trees,
    "waves": waves,
    "products": products,
}
