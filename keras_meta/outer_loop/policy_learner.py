"""Environments as the tasks of an outer model."""

import keras
import tensorflow as tf

from keras_meta.inner_loop import rules
from keras_meta.inner_loop.functional import FunctionalModel
from keras_meta.outer_loop.outer_model import OuterModel
from keras_meta.policy_gradients import distributions


class PolicyLearner(OuterModel):
    """An outer model whose tasks are environments, in which a policy acts.

    The predictions of an outcome are the mean returns of a task `[stages]`, such as before and
    after each inner step; `fit` and `evaluate` report them as `return_0`, `return_1`, ...

    Args:
        model: A built `keras.Model`, the policy. See `PolicyGradientMAML`.
        environment: A `keras_meta.environments.Environment`.
        task_map: See `MetaLearner`.
        seed: See `MetaLearner`.
        name: Optional name.

    Raises:
        ValueError: If the outputs of the policy do not fit the actions.
    """

    # The `InnerWeights` of a task, for learners that adapt some.
    inner_weights = None

    def __init__(self, model, environment, task_map="auto", seed=0, name=None):
        super().__init__(task_map, seed, name)
        self.model = model
        self.environment = environment
        outputs = model.compute_output_shape((None, *environment.observation_shape))
        self.distribution = distributions.of_space(environment.action_space, outputs[-1])
        self.functional = FunctionalModel(model)

    def meta_learned(self, variables):
        """All but those of the model that are replaced in each task. See `OuterModel`."""
        return self.inner_weights.without_replaced(variables) if self.inner_weights else variables

    def weight_names(self):
        """Returns the names under which the weights of a task are exported, in order."""
        variables = self.functional.trainable_variables
        return [variables[i].path for i in self.inner_weights.of_task]

    def outputs(self, weights, observations):
        """Outputs of the policy for observations `[..., *observation_shape]`.

        Args:
            weights: List of tensors, all weights of the model.
            observations: Tensor with any leading axes.
        """
        axes = observations.shape.rank - len(self.environment.observation_shape)
        leading = tf.shape(observations)[:axes]
        rows = tf.reshape(observations, [-1, *self.environment.observation_shape])
        outputs = self.functional(rows, weights, rule=rules.stored).predictions
        return tf.reshape(outputs, tf.concat([leading, outputs.shape[1:]], 0))

    def log_probabilities(self, weights, experience):
        """Log-probabilities `[episodes, horizon]` of the actions in an `Experience`."""
        outputs = self.outputs(weights, experience.observations)
        return self.distribution.log_probability(outputs, experience.actions) * experience.mask

    def report_returns(self, last):
        """Makes the learner report `return_0`, ..., `return_{last}`."""
        self.return_metrics = [keras.metrics.Mean(f"return_{k}") for k in range(last + 1)]

    def report(self, tasks, outcome):
        """Updates the loss, the mean returns and the compiled metrics, and returns their values."""
        reached = outcome.predictions.shape[1]
        for number, metric in enumerate(self.return_metrics[:reached]):
            metric.update_state(outcome.predictions[:, number])
        unreached = {metric.name for metric in self.return_metrics[reached:]}
        values = super().report(tasks, outcome)
        return {name: value for name, value in values.items() if name not in unreached}
