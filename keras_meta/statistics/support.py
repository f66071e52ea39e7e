"""Statistics of the support set."""

import keras

from keras_meta.inner_loop import rules
from keras_meta.statistics.policy import StatisticsPolicy


@keras.saving.register_keras_serializable("keras_meta")
class Support(StatisticsPolicy):
    """Normalises support set and queries by the statistics of the support set.

    The statistics come from a pass over the support set with the adapted weights, so that each
    query is predicted independently (inductive).

    Example:

    ```python
    import keras_meta

    model = keras_meta.networks.Conv4(num_ways=5, filters=4)
    learner = keras_meta.learners.MAML(model, 0.4, batch_norm="support")
    ```
    """

    needs_support_pass = True

    def support(self, training, size):
        return rules.batch

    def queries(self, state, training):
        return rules.stored

    def keep(self, functional, written, support_pass, size, step=0, training=False):
        return {"statistics": support_pass() if functional.batch_normalizations else written}
