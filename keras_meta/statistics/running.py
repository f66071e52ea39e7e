"""Running statistics, stored during `fit`."""

import keras

from keras_meta.inner_loop import rules
from keras_meta.statistics.policy import StatisticsPolicy


@keras.saving.register_keras_serializable("keras_meta")
class Running(StatisticsPolicy):
    """Normalises by the stored statistics, which `fit` moves towards those of the queries.

    In `fit`, a learner that learns a task in one pass normalises like stock Keras, by the
    statistics of the current examples: support set and queries of a task together.

    Example:

    ```python
    import keras_meta

    model = keras_meta.networks.Conv4(num_ways=5, filters=4)
    learner = keras_meta.learners.MAML(model, 0.4, batch_norm="running")
    ```
    """

    independent = True
    joins_queries = True

    def support(self, training, size):
        return rules.stored

    def queries(self, state, training):
        return rules.observe if training else rules.stored

    def observed(self, written):
        return written
