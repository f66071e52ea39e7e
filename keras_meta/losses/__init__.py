"""Losses that Keras lacks: those of support vector machines, and a learned inner loss."""

from keras_meta.losses.epsilon_insensitive import EpsilonInsensitive as EpsilonInsensitive
from keras_meta.losses.learned_loss import LearnedLoss as LearnedLoss
from keras_meta.losses.sparse_categorical_hinge import (
    SparseCategoricalHinge as SparseCategoricalHinge,
)
from keras_meta.losses.sparse_sigmoid_squared_error import (
    SparseSigmoidSquaredError as SparseSigmoidSquaredError,
)
from keras_meta.losses.standardized_squared_error import (
    StandardizedSquaredError as StandardizedSquaredError,
)
