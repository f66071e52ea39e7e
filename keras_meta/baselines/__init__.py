"""Learning without meta-learning, to compare a learner with."""

from keras_meta.baselines.baseline import Baseline as Baseline
from keras_meta.baselines.baseline import choose as choose
from keras_meta.baselines.fine_tuning import FineTuning as FineTuning
from keras_meta.baselines.frozen_features import LogisticRegression as LogisticRegression
from keras_meta.baselines.frozen_features import NearestCentroid as NearestCentroid
from keras_meta.baselines.pretraining import body as body
from keras_meta.baselines.pretraining import pretrain_classifier as pretrain_classifier
from keras_meta.baselines.worth import Worth as Worth
from keras_meta.baselines.worth import worth as worth
