"""Losses of support vector machines, which Keras lacks, and one that is learned."""

from keras_meta.losses.epsilon_insensitive import EpsilonInsensitive as EpsilonInsensitive
from keras_meta.losses.learned_loss import LearnedLoss as LearnedLoss
from keras_meta.losses.sparse_categorical_hinge import (
    SparseCategoricalHinge as SparseCategoricalHinge,
)
