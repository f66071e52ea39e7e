"""Losses that Keras lacks for class numbers, and for support vector regression."""

from keras_meta.losses.epsilon_insensitive import EpsilonInsensitive as EpsilonInsensitive
from keras_meta.losses.sparse_categorical_hinge import (
    SparseCategoricalHinge as SparseCategoricalHinge,
)
from keras_meta.losses.sparse_sigmoid_squared_error import (
    SparseSigmoidSquaredError as SparseSigmoidSquaredError,
)
