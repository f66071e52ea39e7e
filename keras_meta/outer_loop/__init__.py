"""The outer loop: a Keras model over batches of tasks."""

from keras_meta.outer_loop.graph_constant import GraphConstant as GraphConstant
from keras_meta.outer_loop.meta_learner import MetaLearner as MetaLearner
from keras_meta.outer_loop.outcome import Outcome as Outcome
from keras_meta.outer_loop.outer_model import OuterModel as OuterModel
