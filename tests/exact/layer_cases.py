"""Every kind of layer that a meta-gradient must be right through."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable("tests")
class OwnMoments(layers.Layer):
    """A user's own normalisation, written with TensorFlow's moments."""

    def call(self, x):
        mean, variance = tf.nn.moments(x, [0])
        return (x - mean) * tf.math.rsqrt(variance + 1e-3)


VECTOR, SEQUENCE, IMAGE, VOLUME = (6,), (5, 4), (6, 6, 2), (4, 4, 4, 1)
TOKENS = "tokens"


def conv(**kwargs):
    return layers.Conv2D(3, 3, activation="tanh", **{"padding": "same", **kwargs})


LAYERS = {
    "Dense": (VECTOR, lambda: [layers.Dense(5, "tanh")]),
    "Dense relu": (VECTOR, lambda: [layers.Dense(5, "relu")]),
    "Dense gelu": (VECTOR, lambda: [layers.Dense(5, "gelu")]),
    "Dense silu": (VECTOR, lambda: [layers.Dense(5, "silu")]),
    "Dense elu": (VECTOR, lambda: [layers.Dense(5, "elu")]),
    "Dense selu": (VECTOR, lambda: [layers.Dense(5, "selu")]),
    "Dense softplus": (VECTOR, lambda: [layers.Dense(5, "softplus")]),
    "Dense softmax": (VECTOR, lambda: [layers.Dense(5, "softmax")]),
    "Dense with L2": (VECTOR, lambda: [layers.Dense(5, "tanh", kernel_regularizer="l2")]),
    "ActivityRegularization": (
        VECTOR,
        lambda: [layers.Dense(5, "tanh"), layers.ActivityRegularization(l2=0.1)],
    ),
    "PReLU": (VECTOR, lambda: [layers.Dense(5), layers.PReLU("ones")]),
    "EinsumDense": (VECTOR, lambda: [layers.EinsumDense("ab,bc->ac", 5)]),
    "Embedding": (TOKENS, lambda: [layers.Embedding(7, 4), layers.GlobalAveragePooling1D()]),
    "Embedding masked LSTM": (
        TOKENS,
        lambda: [layers.Embedding(7, 4, mask_zero=True), layers.LSTM(3)],
    ),
    "LSTM": (SEQUENCE, lambda: [layers.LSTM(3)]),
    "GRU": (SEQUENCE, lambda: [layers.GRU(3)]),
    "SimpleRNN": (SEQUENCE, lambda: [layers.SimpleRNN(3)]),
    "Bidirectional": (SEQUENCE, lambda: [layers.Bidirectional(layers.LSTM(2))]),
    "TimeDistributed": (
        SEQUENCE,
        lambda: [layers.TimeDistributed(layers.Dense(3, "tanh")), layers.Flatten()],
    ),
    "Conv1D": (SEQUENCE, lambda: [layers.Conv1D(3, 3, activation="tanh"), layers.Flatten()]),
    "Conv2D": (IMAGE, lambda: [conv(), layers.Flatten()]),
    "Conv2D strided": (IMAGE, lambda: [conv(strides=2), layers.Flatten()]),
    "Conv2D dilated": (IMAGE, lambda: [conv(dilation_rate=2), layers.Flatten()]),
    "Conv2D grouped": (IMAGE, lambda: [layers.Conv2D(4, 3, groups=2), layers.Flatten()]),
    "Conv2DTranspose": (
        IMAGE,
        lambda: [layers.Conv2DTranspose(2, 3, 2), conv(strides=2), layers.Flatten()],
    ),
    "Conv3D": (VOLUME, lambda: [layers.Conv3D(2, 3, activation="tanh"), layers.Flatten()]),
    "DepthwiseConv2D": (IMAGE, lambda: [layers.DepthwiseConv2D(3), layers.Flatten()]),
    "SeparableConv2D": (IMAGE, lambda: [layers.SeparableConv2D(3, 3), layers.Flatten()]),
    "MaxPooling2D": (IMAGE, lambda: [conv(), layers.MaxPooling2D(), layers.Flatten()]),
    "AveragePooling2D": (IMAGE, lambda: [conv(), layers.AveragePooling2D(2), layers.Flatten()]),
    "GlobalAveragePooling2D": (IMAGE, lambda: [conv(), layers.GlobalAveragePooling2D()]),
    "GlobalMaxPooling2D": (IMAGE, lambda: [conv(), layers.GlobalMaxPooling2D()]),
    "UpSampling2D nearest": (
        IMAGE,
        lambda: [conv(), layers.UpSampling2D(), conv(), layers.Flatten()],
    ),
    "BatchNormalization": (
        IMAGE,
        lambda: [conv(), layers.BatchNormalization(), layers.GlobalAveragePooling2D()],
    ),
    "BatchNormalization after Dense": (
        VECTOR,
        lambda: [layers.Dense(5), layers.BatchNormalization(), layers.Dense(4, "tanh")],
    ),
    "BatchNormalization axis 1": (
        IMAGE,
        lambda: [conv(), layers.BatchNormalization(axis=1), conv(), layers.Flatten()],
    ),
    "BatchNormalization without scale": (
        IMAGE,
        lambda: [conv(), layers.BatchNormalization(scale=False, center=False), layers.Flatten()],
    ),
    "BatchNormalization masked": (
        TOKENS,
        lambda: [
            layers.Embedding(7, 4, mask_zero=True),
            layers.BatchNormalization(),
            layers.LSTM(3),
        ],
    ),
    "GroupNormalization": (
        IMAGE,
        lambda: [layers.Conv2D(4, 3), layers.GroupNormalization(2), conv(), layers.Flatten()],
    ),
    "instance normalization": (
        IMAGE,
        lambda: [layers.Conv2D(4, 3), layers.GroupNormalization(-1), conv(), layers.Flatten()],
    ),
    "LayerNormalization stacked": (
        VECTOR,
        lambda: [
            layers.Dense(5),
            layers.LayerNormalization(),
            layers.Dense(5, "tanh"),
            layers.LayerNormalization(),
        ],
    ),
    "RMSNormalization": (VECTOR, lambda: [layers.Dense(5), layers.RMSNormalization()]),
    "UnitNormalization": (VECTOR, lambda: [layers.Dense(5), layers.UnitNormalization()]),
    "own layer with tf.nn.moments": (
        VECTOR,
        lambda: [layers.Dense(5), OwnMoments(), layers.Dense(4, "tanh")],
    ),
    "Dropout": (VECTOR, lambda: [layers.Dense(8, "tanh"), layers.Dropout(0.4)]),
    "SpatialDropout2D": (IMAGE, lambda: [conv(), layers.SpatialDropout2D(0.4), layers.Flatten()]),
    "GaussianNoise": (VECTOR, lambda: [layers.Dense(5, "tanh"), layers.GaussianNoise(0.3)]),
}


def self_attention():
    x = keras.Input(SEQUENCE)
    attended = layers.MultiHeadAttention(2, 3)(x, x)
    return keras.Model(x, layers.Dense(3)(layers.Flatten()(layers.Add()([x, attended]))))


def shared_layer():
    x = keras.Input(VECTOR)
    shared = layers.Dense(6, "tanh")
    return keras.Model(x, layers.Dense(3)(shared(shared(x))))


def nested_model():
    inner = keras.Sequential([keras.Input(VECTOR), layers.Dense(5), layers.BatchNormalization()])
    return keras.Sequential([keras.Input(VECTOR), inner, layers.Dense(3)])


def frozen_layer():
    model = keras.Sequential([keras.Input(VECTOR), layers.Dense(5, "tanh"), layers.Dense(3)])
    model.layers[0].trainable = False
    return model


MODELS = {
    "MultiHeadAttention": (SEQUENCE, self_attention),
    "shared layer": (VECTOR, shared_layer),
    "nested model": (VECTOR, nested_model),
    "frozen layer": (VECTOR, frozen_layer),
}


def build(name):
    """Returns `(model, shape of one example)`."""
    if name in MODELS:
        shape, builder = MODELS[name]
        return builder(), shape
    shape, builder = LAYERS[name]
    start = keras.Input((5,), dtype="int32") if shape == TOKENS else keras.Input(shape)
    return keras.Sequential([start, *builder(), layers.Dense(3)]), shape


def episodes(shape, tasks=2, support=6, queries=5, seed=0):
    """Random features and labels of three classes."""
    generator = np.random.default_rng(seed)

    def features(count):
        if shape == TOKENS:
            return tf.constant(generator.integers(0, 7, (tasks, count, 5)), "int32")
        return tf.constant(generator.normal(size=(tasks, count, *shape)))

    def labels(count):
        return tf.constant(generator.integers(0, 3, (tasks, count)), "int32")

    inputs = {
        "support_x": features(support),
        "support_y": labels(support),
        "query_x": features(queries),
    }
    return inputs, labels(queries)
