"""Policies with continuous actions."""

import keras

from keras_meta.layers.log_deviation import LogDeviation


def gaussian_policy(model, initial_std=1.0, name=None):
    """Returns a policy that draws actions around the outputs of a model.

        actions ~ N(model(x), diag(exp(2 l))),    with learned l, the same for all observations

    Args:
        model: A built `keras.Model`: observations `[n, ...]` to mean actions `[n, size]`.
        initial_std: float. Initial standard deviation of all numbers of an action.
        name: Optional name.

    Returns:
        A `keras.Model` with outputs `[n, 2 size]`: means, and logarithms of standard deviations.

    Example:

    ```python
    import keras
    import keras_meta

    means = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    assert keras_meta.networks.gaussian_policy(means).output_shape == (None, 4)
    ```
    """
    inputs = keras.Input(model.input_shape[1:])
    return keras.Model(inputs, LogDeviation(initial_std)(model(inputs)), name=name)
