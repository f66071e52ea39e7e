"""The network of the sinusoid experiments."""

import keras


def SinusoidMLP(units=(40, 40), num_outputs=1, seed=0, name="sinusoid_mlp"):  # noqa: N802
    """A network with one input, hidden layers with ReLU, and linear outputs.

    Args:
        units: Sequence of ints. Widths of the hidden layers.
        num_outputs: int, or `None` for the embedding alone, without the linear layer.
        seed: int. Seed of the initial weights, which are truncated normal with standard deviation
            0.01.
        name: Name of the model.

    Returns:
        A built `keras.Sequential` from `[n, 1]` to `[n, num_outputs]`, or to embeddings.

    Example:

    ```python
    import keras_meta

    assert keras_meta.networks.SinusoidMLP().count_params() == 1761
    ```

    Reference:
        [Finn et al., 2017](https://arxiv.org/abs/1703.03400), section 5.1
    """

    def dense(width, activation, index):
        initializer = keras.initializers.TruncatedNormal(stddev=0.01, seed=seed + index)
        return keras.layers.Dense(width, activation, kernel_initializer=initializer)

    hidden = [dense(width, "relu", index) for index, width in enumerate(units)]
    head = [] if num_outputs is None else [dense(num_outputs, None, len(units))]
    return keras.Sequential([keras.Input((1,)), *hidden, *head], name=name)
