"""Policies that choose the statistics of batch normalisation."""

from keras_meta.registry.row import Row

ROWS = (
    Row("statistics", "transductive", "keras_meta.statistics.transductive:Transductive"),
    Row("statistics", "support", "keras_meta.statistics.support:Support"),
    Row("statistics", "running", "keras_meta.statistics.running:Running"),
    Row("statistics", "task_norm", "keras_meta.statistics.task_norm:TaskNorm"),
    Row("statistics", "per_step", "keras_meta.statistics.per_step:PerStep", learners=("maml++",)),
)
