"""Causal models of text: logits of the next symbol at each position."""

import keras

from keras_meta.layers.causal_patches import CausalPatches
from keras_meta.layers.positions import Positions


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


def CharacterGRU(  # noqa: N802
    num_symbols=256, width=128, embedding=64, unroll=False, name="character_gru"
):
    """A recurrent model: embedded symbols, a layer of gated recurrent units, and logits.

    Args:
        num_symbols: int. Number of symbols, such as the `size` of an `episodes.Characters`.
        width: int. Number of recurrent units.
        embedding: int. Length of the embedding of a symbol.
        unroll: int or `False`. The length of all sequences, to unroll the loop over time: faster to
            run and slower to trace.
        name: Name of the model.

    Returns:
        A built functional `keras.Model` from symbols `[n, time]` to logits `[n, time, symbols]`.

    Example:

    ```python
    import numpy as np
    import keras_meta

    model = keras_meta.networks.CharacterGRU(num_symbols=30, width=16)
    assert model(np.zeros((2, 10), "int32")).shape == (2, 10, 30)
    ```

    Reference:
        [Cho et al., 2014](https://arxiv.org/abs/1406.1078)
    """
    layers = keras.layers
    symbols = keras.Input((unroll or None,), dtype="int32")
    # The fused kernel of GPUs has no second derivative.
    recurrent = layers.GRU(width, return_sequences=True, unroll=bool(unroll), use_cudnn=False)
    x = recurrent(layers.Embedding(num_symbols, embedding)(symbols))
    return keras.Model(symbols, layers.Dense(num_symbols)(x), name=name)


def CausalTransformer(  # noqa: N802
    num_symbols=256,
    width=64,
    num_blocks=2,
    num_heads=4,
    length=256,
    name="causal_transformer",
):
    """Blocks of causal self-attention and a feed-forward layer, each after a normalisation.

    Args:
        num_symbols: int. Number of symbols, such as the `size` of an `episodes.Characters`.
        width: int. Number of channels.
        num_blocks: int.
        num_heads: int. Number of attention heads, which divides `width`.
        length: int. The longest sequence.
        name: Name of the model.

    Returns:
        A built functional `keras.Model` from symbols `[n, time]` to logits `[n, time, symbols]`.

    Example:

    ```python
    import numpy as np
    import keras_meta

    model = keras_meta.networks.CausalTransformer(num_symbols=30, width=16)
    assert model(np.zeros((2, 10), "int32")).shape == (2, 10, 30)
    ```

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762)
    """
    layers = keras.layers
    symbols = keras.Input((None,), dtype="int32")
    x = Positions(length)(layers.Embedding(num_symbols, width)(symbols))
    for _ in range(num_blocks):
        y = layers.LayerNormalization()(x)
        attention = layers.MultiHeadAttention(num_heads, width // num_heads)
        x = layers.Add()([x, attention(y, y, use_causal_mask=True)])
        y = layers.Dense(4 * width, "gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(width)(y)])
    logits = layers.Dense(num_symbols)(layers.LayerNormalization()(x))
    return keras.Model(symbols, logits, name=name)
