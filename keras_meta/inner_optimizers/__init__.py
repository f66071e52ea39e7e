"""Differentiable inner optimizers."""

from keras_meta.inner_optimizers.inner_optimizer import InnerOptimizer as InnerOptimizer
from keras_meta.inner_optimizers.sgd import SGD as SGD
