"""Baselines: methods that learn a task without meta-learning, to compare a learner with."""

from keras_meta.baselines.baseline_method import BaselineMethod as BaselineMethod
from keras_meta.baselines.baseline_method import choose as choose
from keras_meta.baselines.comparison import BaselineComparison as BaselineComparison
from keras_meta.baselines.comparison import compare as compare
from keras_meta.baselines.distillation import Distillation as Distillation
from keras_meta.baselines.dynamic_evaluation import DynamicEvaluation as DynamicEvaluation
from keras_meta.baselines.fine_tuning import FineTuning as FineTuning
from keras_meta.baselines.frozen_features import (
    FrozenLogisticRegression as FrozenLogisticRegression,
)
from keras_meta.baselines.frozen_features import NearestCentroid as NearestCentroid
from keras_meta.baselines.gaussian_process import GaussianProcess as GaussianProcess
from keras_meta.baselines.interpolation import Interpolation as Interpolation
from keras_meta.baselines.mixed_predictions import MixedPredictions as MixedPredictions
from keras_meta.baselines.ngram import Ngram as Ngram
from keras_meta.baselines.of_learner import OfLearner as OfLearner
from keras_meta.baselines.pooled_model import train_pooled_model as train_pooled_model
from keras_meta.baselines.pretraining import pretrain_classifier as pretrain_classifier
from keras_meta.baselines.residuals import Residuals as Residuals
from keras_meta.baselines.ridge_per_task import RidgePerTask as RidgePerTask
from keras_meta.baselines.shrunken_mean import ShrunkenMean as ShrunkenMean
from keras_meta.baselines.support_context import SupportContext as SupportContext
