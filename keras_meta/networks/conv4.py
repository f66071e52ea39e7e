"""The four-block convolutional network of the few-shot literature."""

import keras


def Conv4(  # noqa: N802
    num_ways=None, input_shape=(28, 28, 1), filters=64, pooling="stride", seed=0, name="conv4"
):
    """Four blocks of 3x3 convolution, batch normalisation and ReLU, then a linear layer.

    Args:
        num_ways: int. Number of outputs, or `None` for the embedding alone, without the linear
            layer. The length of an embedding is the last of `filters` with `pooling="stride"`, and
            that times `(height // 16) * (width // 16)` with `pooling="max"`.
        input_shape: Tuple `(height, width, channels)`.
        filters: int or tuple of four ints. Channels of each block: 64 for Omniglot, 32 for
            miniImageNet in the paper, `(96, 192, 384, 512)` in other ones.
        pooling: `"stride"` for convolutions with stride 2 and global average pooling, as for
            Omniglot, or `"max"` for 2x2 max-pooling and flattening, as for miniImageNet.
        seed: int. Seed of the initial weights.
        name: Name of the model.

    Returns:
        A built `keras.Sequential` from images to logits `[n, num_ways]`, or to embeddings.

    Raises:
        ValueError: If `pooling` is unknown, or `filters` are not four.

    Example:

    ```python
    import keras_meta

    assert keras_meta.networks.Conv4(num_ways=5).output_shape == (None, 5)
    assert keras_meta.networks.Conv4(filters=16).output_shape == (None, 16)
    ```

    Reference:
        [Finn et al., 2017](https://arxiv.org/abs/1703.03400), appendix A.1;
        [Bertinetto et al., 2019](https://arxiv.org/abs/1805.08136) (growing numbers of channels)
    """
    if pooling not in ("stride", "max"):
        raise ValueError(f"`pooling` must be 'stride' or 'max'. Received: pooling={pooling!r}.")
    widths = (filters,) * 4 if isinstance(filters, int) else tuple(filters)
    if len(widths) != 4:
        raise ValueError(f"`filters` must be one or four numbers. Received: filters={filters!r}.")
    layers = [keras.Input(input_shape)]
    for block, width in enumerate(widths):
        layers += [
            keras.layers.Conv2D(
                width,
                3,
                strides=2 if pooling == "stride" else 1,
                padding="same",
                # The normalisation would remove a bias.
                use_bias=False,
                kernel_initializer=keras.initializers.GlorotUniform(seed=seed + block),
            ),
            keras.layers.BatchNormalization(epsilon=1e-3),
            keras.layers.ReLU(),
        ]
        if pooling == "max":
            layers.append(keras.layers.MaxPooling2D(2))
    stride = pooling == "stride"
    layers.append(keras.layers.GlobalAveragePooling2D() if stride else keras.layers.Flatten())
    if num_ways is not None:
        initializer = keras.initializers.GlorotUniform(seed=seed + 4)
        layers.append(keras.layers.Dense(num_ways, kernel_initializer=initializer))
    return keras.Sequential(layers, name=name)
