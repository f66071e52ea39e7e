"""The residual network of twelve layers of the few-shot literature."""

import keras

from keras_meta.layers.drop_block import DropBlock


def ResNet12(  # noqa: N802
    num_ways=None,
    input_shape=(84, 84, 3),
    filters=(64, 160, 320, 640),
    drop_rate=0.1,
    block_size=None,
    flatten=False,
    seed=0,
    name="resnet12",
):
    """Four residual blocks of three 3x3 convolutions, each followed by 2x2 max-pooling.

    A block computes, with leaky ReLUs of slope 0.1,

        maxpool(relu(conv_bn(relu(conv_bn(relu(conv_bn(x))))) + bn(conv_1x1(x))))

    where the last `conv_bn` has no activation of its own. Dropout follows the first two blocks,
    `DropBlock` the last two.

    Args:
        num_ways: int. Number of outputs of a linear layer at the end, or `None` for the embedding
            alone.
        input_shape: Tuple `(height, width, channels)`, at least 16 by 16.
        filters: Tuple of four ints, the channels of each block.
        drop_rate: float. Rate of dropout and of `DropBlock`. `callbacks.DropBlockSchedule` lets the
            latter grow during training. With 0 there is neither.
        block_size: int. See `DropBlock`. Defaults to a sixteenth of the height, rounded: 5 for
            images of 84 pixels, and 2 for those of 32, as published.
        flatten: bool. Whether an embedding consists of all positions of the last feature map, as in
            MetaOptNet, instead of their mean.
        seed: int. Seed of the initial weights, and of dropout outside of learners.
        name: Name of the model.

    Returns:
        A built functional `keras.Model` from images to logits `[n, num_ways]`, or to embeddings
        `[n, filters[-1]]`.

    Raises:
        ValueError: If there are not four numbers of filters, or the images are too small.

    Example:

    ```python
    import keras_meta

    body = keras_meta.networks.ResNet12(input_shape=(32, 32, 3), filters=(4, 8, 8, 16))
    assert body.output_shape == (None, 16)
    ```

    Reference:
        [Oreshkin et al., 2018](https://arxiv.org/abs/1805.10123);
        [Lee et al., 2019](https://arxiv.org/abs/1904.03758) (widths and `DropBlock`)
    """
    if len(filters) != 4:
        raise ValueError(f"`filters` must be four numbers. Received: filters={filters!r}.")
    if min(input_shape[:2]) < 16:
        raise ValueError(
            "Images are halved four times and must be at least 16 by 16. Received: "
            f"input_shape={input_shape}."
        )
    block_size = max(round(input_shape[0] / 16), 1) if block_size is None else block_size
    layers = keras.layers
    images = x = keras.Input(input_shape)
    for block, width in enumerate(filters):
        x = _residual_block(x, width, seed + 4 * block)
        if drop_rate and block < 2:
            x = layers.Dropout(drop_rate, seed=seed + block)(x)
        elif drop_rate:
            x = DropBlock(drop_rate, block_size, seed=seed + block)(x)
    x = layers.Flatten()(x) if flatten else layers.GlobalAveragePooling2D()(x)
    if num_ways is not None:
        initializer = keras.initializers.GlorotUniform(seed=seed + 16)
        x = layers.Dense(num_ways, kernel_initializer=initializer)(x)
    return keras.Model(images, x, name=name)


def _residual_block(x, filters, seed):
    layers = keras.layers
    y = x
    for convolution in range(3):
        y = _normalized_convolution(y, filters, 3, seed + convolution)
        if convolution < 2:
            y = layers.LeakyReLU(0.1)(y)
    y = layers.Add()([y, _normalized_convolution(x, filters, 1, seed + 3)])
    return layers.MaxPooling2D(2)(layers.LeakyReLU(0.1)(y))


def _normalized_convolution(x, filters, size, seed):
    # The variance that keeps that of gradients, as in the published implementations.
    initializer = keras.initializers.VarianceScaling(
        2.0, "fan_out", "untruncated_normal", seed=seed
    )
    # The normalisation would remove a bias.
    x = keras.layers.Conv2D(
        filters, size, padding="same", use_bias=False, kernel_initializer=initializer
    )(x)
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
