"""Random structural causal models: layers of variables, each a random function of the last."""

import numpy as np

from keras_meta.episodes.table_prior.functions import MECHANISMS, linear, standardize

# How often a layer is of each mechanism, unless the whole model is of one.
SHARES = {"linear": 0.15, "network": 0.4, "trees": 0.25, "waves": 0.15, "products": 0.05}


def roots(random, rows, size):
    """Draws root causes.

    They are normal, uniform, heavy-tailed or in clusters, and independent or correlated.

    Args:
        random: A `numpy.random.Generator`.
        rows: int.
        size: int, the number of causes.

    Returns:
        Pair of the standardised causes `[rows, size]` and the number of the cluster of each row
        `[rows]`, or `None` where there are no clusters.
    """
    kind, clusters = random.random(), None
    if kind < 0.4:
        x = random.standard_normal((rows, size))
    elif kind < 0.55:
        x = random.uniform(-1.7, 1.7, (rows, size))
    elif kind < 0.65:
        x = random.standard_t(random.uniform(2.0, 8.0), (rows, size))
    else:
        count = random.integers(2, 13)
        shares = random.dirichlet(np.full(count, random.uniform(0.5, 5.0)))
        clusters = random.choice(count, rows, p=shares)
        spread = np.exp(random.uniform(-1.0, 1.5))
        centres = spread * random.standard_normal((count, size))
        width = np.exp(random.uniform(0.0, 0.7) * random.standard_normal((count, size)))
        # Clusters differ in some of the causes only.
        centres *= random.random(size) < random.uniform(0.2, 1.0)
        x = centres[clusters] + width[clusters] * random.standard_normal((rows, size))
    if random.random() < 0.4:
        x = linear(random, x, size) + random.uniform(0.0, 0.5) * x
    return standardize(x), clusters


def causal_model(random, rows, size, shares=None):
    """Draws the variables of a random structural causal model.

    With mechanisms `f_l` and noise `e_l`, layers of variables follow from root causes:

        v_0 = roots,    v_{l+1} = f_l(v_l) + s_l e_l

    Args:
        random: A `numpy.random.Generator`.
        rows: int.
        size: int. The number of variables to choose columns from is at least this.
        shares: dict, name of a mechanism to how often it is drawn. Defaults to `SHARES`.

    Returns:
        Pair of the list of layers `[rows, variables]`, standardised, and the clusters of the
        roots, see `roots`.
    """
    shares = SHARES if shares is None else shares
    names, weights = list(shares), np.array(list(shares.values()), float)
    weights /= weights.sum()
    depth = min(random.geometric(0.5), 5)
    v, clusters = roots(random, rows, max(2, int(size * random.uniform(0.5, 1.2))))
    layers = [v]
    of_all = random.choice(names, p=weights) if random.random() < 0.6 else None
    noise = random.choice([0.0, np.exp(random.uniform(-4.0, -0.5))])
    for _ in range(depth):
        width = max(2, int(size * np.exp(random.uniform(-0.7, 0.7))))
        name = random.choice(names, p=weights) if of_all is None else of_all
        v = standardize(MECHANISMS[name](random, v, width))
        if noise:
            v = v + noise * random.uniform(0.0, 2.0, width) * random.standard_normal(v.shape)
        layers.append(v)
    return layers, clusters
