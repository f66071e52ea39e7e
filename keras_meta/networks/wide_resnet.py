"""The wide residual network."""

import keras


def WideResNet(  # noqa: N802
    num_ways=None,
    input_shape=(32, 32, 3),
    depth=28,
    width=10,
    drop_rate=0.0,
    seed=0,
    name="wide_resnet",
):
    """Residual blocks in three stages of `16 width`, `32 width` and `64 width` channels.

    A block computes `x + conv(drop(bn_conv(x)))`, with normalisation and ReLU before each
    convolution. The first block of a stage projects `x` to its channels, and those of the second
    and third stage halve the map. `WideResNet()` is the embedding of WRN-28-10.

    Args:
        num_ways: int. Number of outputs of a linear layer at the end, or `None` for the embedding
            alone.
        input_shape: Tuple `(height, width, channels)`.
        depth: int, 4 more than a multiple of 6. Number of layers with weights.
        width: int. Factor of the number of channels.
        drop_rate: float. Rate of dropout between the two convolutions of a block.
        seed: int. Seed of the initial weights, and of dropout outside of learners.
        name: Name of the model.

    Returns:
        A built functional `keras.Model` from images to logits `[n, num_ways]`, or to embeddings
        `[n, 64 width]`.

    Raises:
        ValueError: If `depth` is not possible.

    Example:

    ```python
    import keras_meta

    body = keras_meta.networks.WideResNet(depth=10, width=1)
    assert body.output_shape == (None, 64)
    ```

    Reference:
        [Zagoruyko, Komodakis, 2016](https://arxiv.org/abs/1605.07146)
    """
    if depth < 10 or (depth - 4) % 6:
        raise ValueError(
            f"`depth` must be 10, 16, 22, 28 or another such number. Received: depth={depth}."
        )
    seeds = iter(range(seed, seed + 2 * depth))
    images = keras.Input(input_shape)
    x = _convolution(images, 16, 3, 1, next(seeds))
    for stage in range(3):
        for block in range((depth - 4) // 6):
            stride = 2 if stage and not block else 1
            x = _residual_block(x, 16 * 2**stage * width, stride, drop_rate, seeds)
    x = keras.layers.GlobalAveragePooling2D()(_activated(x))
    if num_ways is not None:
        initializer = keras.initializers.GlorotUniform(seed=next(seeds))
        x = keras.layers.Dense(num_ways, kernel_initializer=initializer)(x)
    return keras.Model(images, x, name=name)


def _residual_block(x, filters, stride, drop_rate, seeds):
    activated = _activated(x)
    y = _activated(_convolution(activated, filters, 3, stride, next(seeds)))
    if drop_rate:
        y = keras.layers.Dropout(drop_rate, seed=next(seeds))(y)
    y = _convolution(y, filters, 3, 1, next(seeds))
    if x.shape[-1] != filters or stride != 1:
        x = _convolution(activated, filters, 1, stride, next(seeds))
    return keras.layers.Add()([x, y])


def _activated(x):
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x))


def _convolution(x, filters, size, stride, seed):
    initializer = keras.initializers.HeNormal(seed=seed)
    return keras.layers.Conv2D(
        filters,
        size,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer=initializer,
    )(x)
