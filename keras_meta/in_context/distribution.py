"""Means and quantiles of a number of which the probabilities of buckets are known."""

import numpy as np

# Quantiles between which nine of ten values are to be.
INTERVAL = (0.05, 0.95)


def bucket_mean(probabilities, borders):
    """Returns the means `[rows]` of numbers that are uniform within buckets.

    Args:
        probabilities: Array `[rows, buckets]`.
        borders: Array `[buckets + 1]`.
    """
    return probabilities @ ((borders[1:] + borders[:-1]) / 2)


def bucket_quantiles(probabilities, borders, levels):
    """Returns quantiles `[rows, levels]`. See `bucket_mean`.

    Args:
        probabilities: Array `[rows, buckets]`.
        borders: Array `[buckets + 1]`.
        levels: Array `[levels]`, from 0 to 1.

    Example:

    ```python
    import numpy as np
    from keras_meta.in_context.distribution import bucket_quantiles

    quantiles = bucket_quantiles(np.array([[0.5, 0.5]]), np.array([0.0, 1.0, 3.0]), [0.25, 0.75])
    assert quantiles.tolist() == [[0.5, 2.0]]
    ```
    """
    below = np.cumsum(probabilities, 1)
    below = np.concatenate([np.zeros_like(below[:, :1]), below], 1)
    return np.stack([np.interp(levels, row, borders) for row in below])
