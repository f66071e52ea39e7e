"""Transductive statistics: those of the examples being predicted."""

import keras

from keras_meta.inner_loop import rules
from keras_meta.statistics.policy import StatisticsPolicy


@keras.saving.register_keras_serializable("keras_meta")
class Transductive(StatisticsPolicy):
    """Normalises the support set by its own statistics, and the queries of a task by theirs.

    This is common in the literature, whose accuracies benefit from it: the prediction of a query
    depends on the other queries that it is predicted together with.

    Example:

    ```python
    import keras_meta

    model = keras_meta.networks.Conv4(num_ways=5, filters=4)
    learner = keras_meta.learners.MAML(model, 0.4, batch_norm="transductive")
    ```
    """

    def support(self, training, size):
        return rules.batch

    def queries(self, state, training):
        return rules.batch

    def keep(self, functional, written, support_pass, size, step=0, training=False):
        moving = set(functional.moving_indices)
        return {"statistics": {i: x for i, x in written.items() if i not in moving}}
