"""The four-block convolutional network."""

import keras
import numpy as np
import pytest

from keras_meta.networks import Conv4


def convolved(x, kernel, stride):
    """A 3x3 convolution with padding "same" in NumPy, for images `[n, height, width, channels]`."""
    n, height, width, _ = x.shape
    rows, columns = -(-height // stride), -(-width // stride)
    # TensorFlow pads by what the last window lacks, the odd pixel at the end.
    pads = [
        max((out - 1) * stride + 3 - size, 0) for out, size in ((rows, height), (columns, width))
    ]
    x = np.pad(x, [(0, 0), *[(pad // 2, pad - pad // 2) for pad in pads], (0, 0)])
    result = np.zeros((n, rows, columns, kernel.shape[-1]))
    for i in range(3):
        for j in range(3):
            patch = x[:, i:, j:][:, ::stride, ::stride][:, :rows, :columns]
            result += patch @ kernel[i, j]
    return result


def forward(model, x, pooling):
    """The blocks, from their definition, with the stored statistics of a new model."""
    stride = 2 if pooling == "stride" else 1
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            x = convolved(x, layer.kernel.numpy(), stride)
            x = np.maximum(x / np.sqrt(1.0 + 1e-3), 0.0)
            if pooling == "max":
                height, width = x.shape[1] // 2, x.shape[2] // 2
                x = x[:, : 2 * height, : 2 * width]
                x = x.reshape(len(x), height, 2, width, 2, -1).max((2, 4))
    x = x.mean((1, 2)) if pooling == "stride" else x.reshape(len(x), -1)
    head = model.layers[-1]
    return (
        x @ head.kernel.numpy() + head.bias.numpy() if isinstance(head, keras.layers.Dense) else x
    )


@pytest.mark.parametrize(("num_ways", "filters"), [(3, 3), (None, 3), (None, (2, 3, 4, 5))])
@pytest.mark.parametrize("pooling", ["stride", "max"])
def test_equals_its_definition(pooling, num_ways, filters):
    model = Conv4(num_ways, (17, 20, 2), filters=filters, pooling=pooling)
    x = np.random.default_rng(0).normal(size=(2, 17, 20, 2)).astype("float32")
    expected = forward(model, x, pooling)
    assert model.output_shape == (None, *expected.shape[1:])
    np.testing.assert_allclose(model(x), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "pooling", "size"),
    [((28, 28, 1), "stride", 64), ((84, 84, 3), "max", 64 * 5 * 5), ((28, 40, 1), "max", 64 * 2)],
)
def test_lengths_of_embeddings(shape, pooling, size):
    assert Conv4(input_shape=shape, pooling=pooling).output_shape == (None, size)


def test_parameters_of_the_networks_of_the_papers():
    """Without biases of convolutions: the normalisation that follows would remove them."""
    kernels = 9 * 64 * (1 + 3 * 64)
    assert Conv4(5).count_params() == kernels + 4 * 4 * 64 + 65 * 5
    mini = Conv4(5, (84, 84, 3), filters=32, pooling="max")
    assert mini.count_params() == 9 * 32 * (3 + 3 * 32) + 4 * 4 * 32 + (32 * 25 + 1) * 5
    # About 113,000 with 64 filters.
    body = Conv4(None, (84, 84, 3), pooling="max")
    assert sum(np.prod(v.shape) for v in body.trainable_variables) == 112_320 + 4 * 2 * 64
    # Those of CIFAR-FS, from narrow to wide.
    wide = Conv4(None, (32, 32, 3), filters=(96, 192, 384, 512), pooling="max")
    kernels = 9 * (3 * 96 + 96 * 192 + 192 * 384 + 384 * 512)
    trainable = sum(np.prod(v.shape) for v in wide.trainable_variables)
    assert trainable == kernels + 2 * (96 + 192 + 384 + 512)
    assert wide.output_shape == (None, 4 * 512)


def test_the_seed_determines_the_weights():
    first, again, other = (Conv4(5, filters=4, seed=seed).get_weights() for seed in (1, 1, 2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.isin(first[0], other[0]).any()
    # Blocks of one shape start with kernels of their own.
    kernels = [w for w in first if w.ndim == 4]
    assert not np.isin(kernels[1], kernels[2]).any()


def test_unknown_pooling():
    with pytest.raises(ValueError, match="must be 'stride' or 'max'. Received: pooling='mean'"):
        Conv4(5, pooling="mean")


def test_number_of_filters():
    with pytest.raises(ValueError, match=r"one or four numbers. Received: filters=\(8, 8\)"):
        Conv4(5, filters=(8, 8))
