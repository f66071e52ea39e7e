"""The inner problem and its solution, as pure functions of weights and data."""

from keras_meta.inner_loop.functional import FunctionalModel as FunctionalModel
from keras_meta.inner_loop.functional import ModelOutput as ModelOutput
from keras_meta.inner_loop.functional import fold_in as fold_in
from keras_meta.inner_loop.inner_weights import InnerWeights as InnerWeights
from keras_meta.inner_loop.problem import InnerProblem as InnerProblem
