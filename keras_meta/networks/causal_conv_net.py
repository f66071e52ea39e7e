"""A causal convolutional model of text."""

import keras

from keras_meta.layers.causal_patches import CausalPatches


def CausalConvNet(num_symbols=256, width=96, num_blocks=5, name="causal_conv_net"):  # noqa: N802
    """Residual blocks of dilated causal convolutions, of which each sees twice as far as the last.

    Block `b` convolves three positions at distance `2^b`, so that with five blocks a prediction
    depends on the last 63 symbols.

    Args:
        num_symbols: int. Number of symbols, such as the `size` of an `episodes.Characters`.
        width: int. Number of channels.
        num_blocks: int.
        name: Name of the model.

    Returns:
        A built functional `keras.Model` from symbols `[n, time]` to logits `[n, time, symbols]`.

    Example:

    ```python
    import numpy as np
    import keras_meta

    model = keras_meta.networks.CausalConvNet(num_symbols=30, width=16)
    assert model(np.zeros((2, 10), "int32")).shape == (2, 10, 30)
    ```

    Reference:
        [Bai et al., 2018](https://arxiv.org/abs/1803.01271)
    """
    layers = keras.layers
    symbols = keras.Input((None,), dtype="int32")
    x = layers.Embedding(num_symbols, width)(symbols)
    for block in range(num_blocks):
        y = CausalPatches(size=3, dilation=2**block)(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(width, "gelu")(y)])
    logits = layers.Dense(num_symbols)(layers.LayerNormalization()(x))
    return keras.Model(symbols, logits, name=name)
