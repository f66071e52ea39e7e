"""Running statistics for each number of inner steps."""

import keras
import tensorflow as tf

from keras_meta.exact.normalization import batch_normalizations
from keras_meta.inner_loop import rules
from keras_meta.inner_loop.tables import row, table
from keras_meta.statistics.policy import StatisticsPolicy


@keras.saving.register_keras_serializable("keras_meta")
class PerStep(StatisticsPolicy, keras.layers.Layer):
    """Keeps separate running statistics for each number of inner steps taken.

    `fit` normalises by the statistics of the current examples and updates the running statistics of
    the step. Evaluation normalises the support set by its own statistics, so that inner steps
    behave as they did in training, and the queries by the running statistics of the step, so that
    each is predicted independently. The policy requires a learner that observes the statistics
    after every inner step: `MAMLPlusPlus`.

    Example:

    ```python
    import keras_meta

    model = keras_meta.networks.Conv4(num_ways=5, filters=4)
    learner = keras_meta.learners.MAMLPlusPlus(model, 0.1, batch_norm="per_step")
    ```

    Reference:
        [Antoniou et al., 2019](https://arxiv.org/abs/1810.09502)
    """

    def __init__(self, name=None):
        super().__init__(name=name)
        self.tables = {}

    def prepare(self, learner):
        if not getattr(learner, "observes_each_step", False):
            raise ValueError(
                "Per-step statistics need a learner that observes every inner step: use "
                "`MAMLPlusPlus`, or batch_norm='transductive', 'support' or 'running'. "
                f"Received: batch_norm='per_step' for {type(learner).__name__}."
            )
        rows = learner.inner_steps + 1
        self.tables = {
            variable.path: table(self, variable, rows)
            for layer in batch_normalizations(learner.model)
            for variable in (layer.moving_mean, layer.moving_variance)
        }
        self.built = True

    def support(self, training, size):
        return rules.batch

    def queries(self, state, training):
        return rules.batch if training else rules.stored

    def keep(self, functional, written, support_pass, size, step=0, training=False):
        if training:
            return {"statistics": written}
        of_step = {
            index: row(tf.convert_to_tensor(self.followed(functional, index).value), step)
            for index in functional.moving_indices
        }
        return {"statistics": {**written, **of_step}}

    def observed_by_step(self, written):
        # Passes may have updated other state as well, and not all of them the same.
        everywhere = set.intersection(*map(set, written))
        return {index: tf.stack([x[index] for x in written]) for index in sorted(everywhere)}

    def followed(self, functional, index):
        return self.tables[functional.state_variables[index].path]

    def get_config(self):
        return {"name": self.name}
