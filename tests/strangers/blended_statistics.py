"""A policy of normalisation: a blend of support and stored statistics."""

import keras

from keras_meta.inner_loop import rules
from keras_meta.statistics import StatisticsPolicy


@keras.saving.register_keras_serializable("strangers")
class BlendedStatistics(StatisticsPolicy):
    """Normalises queries by `share` of the support set's statistics and the rest of the stored.

    Fitting moves the stored ones towards those of the queries.
    """

    needs_support_pass = True

    def __init__(self, share=0.5):
        self.share = share

    def support(self, training, size):
        return rules.batch

    def keep(self, functional, written, support_pass, size, step=0, training=False):
        seen = support_pass() if functional.batch_normalizations else written
        blended = {
            i: self.share * seen[i] + (1.0 - self.share) * functional.stored_state(i)
            for i in functional.moving_indices
            if i in seen  # a frozen layer writes nothing
        }
        return {"statistics": {**seen, **blended}}

    def queries(self, state, training):
        return rules.observe if training else rules.stored

    def observed(self, written):
        return written

    def get_config(self):
        return {"share": self.share}
