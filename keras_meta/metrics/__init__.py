"""Metrics over tasks: curves, comparisons, calibration, likelihood, rankings, refusal."""

from keras_meta.metrics.adaptation_curve import AdaptationCurve as AdaptationCurve
from keras_meta.metrics.adaptation_curve import adaptation_curve as adaptation_curve
from keras_meta.metrics.calibration import ExpectedCalibrationError as ExpectedCalibrationError
from keras_meta.metrics.comparison import Comparison as Comparison
from keras_meta.metrics.comparison import compare as compare
from keras_meta.metrics.comparison import task_values as task_values
from keras_meta.metrics.conformal_intervals import ConformalIntervals as ConformalIntervals
from keras_meta.metrics.conformal_intervals import calibrate as calibrate
from keras_meta.metrics.frozen_task_values import frozen_task_values as frozen_task_values
from keras_meta.metrics.likelihood import BitsPerCharacter as BitsPerCharacter
from keras_meta.metrics.likelihood import NegativeLogLikelihood as NegativeLogLikelihood
from keras_meta.metrics.likelihood import Perplexity as Perplexity
from keras_meta.metrics.predicted_values import PredictedValues as PredictedValues
from keras_meta.metrics.predicted_values import predicted_values as predicted_values
from keras_meta.metrics.ranking import ndcg as ndcg
from keras_meta.metrics.ranking import recall as recall
from keras_meta.metrics.refusal import accuracy_with_refusal as accuracy_with_refusal
from keras_meta.metrics.refusal import area_under_curve as area_under_curve
from keras_meta.metrics.refusal import refusal_threshold as refusal_threshold
from keras_meta.metrics.task_interval import task_interval as task_interval
