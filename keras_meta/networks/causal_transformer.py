"""A causal transformer model of text."""

import keras

from keras_meta.layers.positions import Positions


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
