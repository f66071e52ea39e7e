"""The task encoder, and the learners whose parameters a `LearnerGenerator` generates."""

from keras_meta.generators.film import FiLM as FiLM
from keras_meta.generators.generated_learner import GeneratedLearner as GeneratedLearner
from keras_meta.generators.linear import LinearRegression as LinearRegression
from keras_meta.generators.linear import LinearSVM as LinearSVM
from keras_meta.generators.linear import LinearSVR as LinearSVR
from keras_meta.generators.linear import LogisticRegression as LogisticRegression
from keras_meta.generators.neural_network import NeuralNetwork as NeuralNetwork
from keras_meta.generators.task_encoder import TaskEncoder as TaskEncoder
