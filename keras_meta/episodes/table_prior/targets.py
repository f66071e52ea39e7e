"""How variables of a causal model become what is to be predicted."""

import numpy as np

from keras_meta.episodes.table_prior.columns import warp
from keras_meta.episodes.table_prior.functions import standardize


def class_shares(random, num_classes):
    """Draws the frequencies of classes, equal or not."""
    if random.random() < 0.4:
        return np.full(num_classes, 1.0 / num_classes)
    return 0.02 / num_classes + 0.98 * random.dirichlet(
        np.full(num_classes, random.uniform(0.8, 6.0))
    )


def thresholded(random, value, num_classes):
    """Classes are intervals of one variable; with more intervals than classes, in any order."""
    intervals = num_classes + (random.integers(1, 4) if random.random() < 0.2 else 0)
    borders = np.quantile(value, np.cumsum(class_shares(random, intervals))[:-1])
    of_interval = np.arange(intervals) % num_classes
    return of_interval[np.searchsorted(borders, value)]


def largest(random, values, num_classes):
    """The class is the largest of several variables, plus noise of a random temperature."""
    scores = values[:, random.permutation(values.shape[1])[:num_classes]]
    temperature = random.choice([0.0, np.exp(random.uniform(-3.0, 0.5))])
    scores = scores + temperature * random.gumbel(size=scores.shape)
    return (scores + np.log(class_shares(random, scores.shape[1]))).argmax(1)


def grouped(random, clusters, num_classes):
    """A class is one or several of the clusters from which rows were drawn."""
    count = clusters.max() + 1
    return (random.permutation(count) % num_classes)[clusters]


def classes(random, values, clusters, num_classes):
    """Draws class labels.

    Args:
        random: A `numpy.random.Generator`.
        values: Array `[rows, variables]`, candidates for the target.
        clusters: Array `[rows]`, or `None`. See `causal_model.roots`.
        num_classes: int, the most classes.

    Returns:
        int array `[rows]`. Which numbers classes have is random.
    """
    values = standardize(values)
    if clusters is not None and random.random() < 0.5:
        labels = grouped(random, clusters, num_classes)
    elif values.shape[1] >= num_classes and random.random() < 0.4:
        labels = largest(random, values, num_classes)
    else:
        value = values[:, random.integers(values.shape[1])]
        noise = random.choice([0.0, np.exp(random.uniform(-4.0, 0.0))])
        value = value + noise * random.standard_normal(len(value))
        labels = thresholded(random, value, num_classes)
    if random.random() < 0.25:
        flipped = random.random(len(labels)) < random.uniform(0.0, 0.2)
        labels = np.where(flipped, random.integers(num_classes, size=len(labels)), labels)
    return random.permutation(num_classes)[labels]


def numbers(random, values):
    """Draws a number to predict. See `classes`.

    Returns:
        float array `[rows]`.
    """
    value = standardize(values)[:, random.integers(values.shape[1])]
    noise = random.choice([0.0, np.exp(random.uniform(-4.0, 0.0))])
    value = value + noise * random.standard_normal(len(value))
    return warp(random, value) if random.random() < 0.3 else value
