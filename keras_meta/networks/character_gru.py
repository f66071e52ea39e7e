"""A recurrent model of text."""

import keras


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
