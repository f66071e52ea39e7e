"""Losses of support vector machines, which Keras lacks for class numbers and for regression."""

from keras_meta.losses.epsilon_insensitive import EpsilonInsensitive as EpsilonInsensitive
from keras_meta.losses.sparse_categorical_hinge import (
    SparseCategoricalHinge as SparseCategoricalHinge,
)
