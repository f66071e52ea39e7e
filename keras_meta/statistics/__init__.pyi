from keras_meta.statistics.per_step import PerStep as PerStep
from keras_meta.statistics.policy import StatisticsPolicy as StatisticsPolicy
from keras_meta.statistics.running import Running as Running
from keras_meta.statistics.support import Support as Support
from keras_meta.statistics.task_norm import TaskNorm as TaskNorm
from keras_meta.statistics.transductive import Transductive as Transductive
def get(policy): ...
def serialize(policy): ...
