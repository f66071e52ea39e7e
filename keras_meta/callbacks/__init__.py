"""Callbacks for `fit`: validation, exact resumption, best weights, schedules, curves and images."""

from keras_meta.callbacks.adaptation_curve_logger import (
    AdaptationCurveLogger as AdaptationCurveLogger,
)
from keras_meta.callbacks.best_weights import BestWeights as BestWeights
from keras_meta.callbacks.drop_block_schedule import DropBlockSchedule as DropBlockSchedule
from keras_meta.callbacks.exact_resume import ExactResume as ExactResume
from keras_meta.callbacks.task_images import TaskImages as TaskImages
from keras_meta.callbacks.validation import Validation as Validation
