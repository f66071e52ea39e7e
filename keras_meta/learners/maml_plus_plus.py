"""MAML, trained stably."""

import keras
import tensorflow as tf

from keras_meta.inner_optimizers import SGD, Learned
from keras_meta.learners.maml import MAML
from keras_meta.outer_loop.graph_constant import GraphConstant, count, one_of
from keras_meta.outer_loop.meta_learner import BATCH_NORMS


@keras.saving.register_keras_serializable("keras_meta")
class MAMLPlusPlus(MAML):
    """MAML with the parts that make its training stable, each a switch of its own.

    For the first `multi_step_loss_steps` outer steps, the loss of a task is that after every inner
    step, with weights `v_k` that move from equal ones to the last step alone. `t` of them done:

        sum over k = 1..K of  v_k L_Q(w_k)
        v_k = (1 - t / multi_step_loss_steps) / K  for k < K,    v_K = 1 - sum of the others

    For the first `first_order_steps` outer steps, second derivatives are left out. Each layer has a
    rate for each inner step, and each normalisation layer a scale and a shift for each; those are
    learned, and the scales and shifts do not adapt. With `batch_norm="per_step"`, running
    statistics are kept for each number of inner steps taken: training normalises by the statistics
    of the examples at hand and moves those of the step; evaluation normalises the support set by
    its own and the queries by those of the step, each on its own. The cosine schedule of the paper
    is `keras.optimizers.schedules.CosineDecay`, passed to the outer optimizer.

    Args:
        model: A built `keras.Model`.
        inner_learning_rate: float. All rates before training.
        inner_steps: int. Number of inner steps while fitting. Beyond them, at evaluation, what
            belongs to a step is that of the last.
        multi_step_loss_steps: int. Outer steps for which the loss counts every inner step; 0 for
            none.
        first_order_steps: int. Outer steps without second derivatives; 0 for none.
        learned_rates: bool. Whether the rates are learned, per layer and step.
        per_step_scales: bool. Whether normalisation layers have scales and shifts per step.
        batch_norm: `"per_step"`, or see `MetaLearner`.
        **kwargs: The other arguments of `MAML`.

    Raises:
        ValueError: If an argument is invalid.

    Example:

    ```python
    import keras
    import keras_meta

    learner = keras_meta.learners.MAMLPlusPlus(
        keras_meta.networks.SinusoidMLP(), 0.01, inner_steps=5, multi_step_loss_steps=100
    )
    rate = keras.optimizers.schedules.CosineDecay(1e-3, decay_steps=1000)
    learner.compile(keras.optimizers.Adam(rate), "mse")
    learner.fit(keras_meta.episodes.Sinusoid().as_dataset(25), steps_per_epoch=5, verbose=0)
    ```

    Reference:
        [Antoniou et al., 2019](https://arxiv.org/abs/1810.09502)
    """

    batch_norm = GraphConstant(one_of("batch_norm", (*BATCH_NORMS, "per_step")))
    multi_step_loss_steps = GraphConstant(count("multi_step_loss_steps"))
    first_order_steps = GraphConstant(count("first_order_steps"))

    def __init__(
        self,
        model,
        inner_learning_rate=None,
        inner_steps=5,
        multi_step_loss_steps=10000,
        first_order_steps=0,
        learned_rates=True,
        per_step_scales=True,
        batch_norm="per_step",
        **kwargs,
    ):
        self.learned_rates = learned_rates
        self.per_step_scales = per_step_scales
        if learned_rates and "inner_optimizer" not in kwargs:
            initial = 0.01 if inner_learning_rate is None else inner_learning_rate
            rates = Learned(initial, per="layer", per_step=True)
            inner_learning_rate, kwargs["inner_optimizer"] = None, SGD(rates)
        super().__init__(model, inner_learning_rate, inner_steps, batch_norm=batch_norm, **kwargs)
        if self.checkpoint_steps:
            raise ValueError(
                "`checkpoint_steps` is not for MAMLPlusPlus, which uses what lies between the "
                "inner steps. Use MAML with inner_optimizer=SGD(Learned(rate, per='layer', "
                "per_step=True)). Received: checkpoint_steps=True."
            )
        self.multi_step_loss_steps = multi_step_loss_steps
        self.first_order_steps = first_order_steps
        self._scales = _tables(self, self.functional.trainable_variables, self.replaced_indices)
        self.task_indices = [*self.adapted_indices, *self.replaced_indices]
        positions = {id(v): i for i, v in enumerate(self.functional.state_variables)}
        moving = [
            positions[id(variable)]
            for layer in self.functional.batch_normalizations
            for variable in (layer.moving_mean, layer.moving_variance)
        ]
        self._statistics = _tables(self, self.functional.state_variables, moving)

    # The loss after every inner step, and its derivatives.

    def meta_gradients(self, inputs, y, sample_weight=None):
        """Gradients of what this outer step minimises. See `EpisodicModel`."""
        step = 0 if self.optimizer is None else self.optimizer.iterations

        def gradients(multi_step, first_order):
            def task_loss(task, index):
                return self._loss_over_steps(task, index, multi_step, first_order)

            return self._sum_gradients(task_loss, inputs, y, sample_weight)

        def until(outer_steps, early, late):
            """One of two gradients; where both may be meant, absent ones become zeros."""
            if not outer_steps:
                return late()
            branches = [lambda: self._with_zeros(early()), lambda: self._with_zeros(late())]
            return tf.cond(step < outer_steps, *branches)

        def by_order(multi_step):
            return until(
                0 if self.first_order else self.first_order_steps,
                lambda: gradients(multi_step, True),
                lambda: gradients(multi_step, self.first_order),
            )

        return until(self.multi_step_loss_steps, lambda: by_order(True), lambda: by_order(False))

    def _loss_over_steps(self, task, index, multi_step, first_order):
        inputs, y, sample_weight = task
        seed = self._noise_seed(index, training=True)
        states = list(
            self.adaptation(
                inputs["support_x"], inputs["support_y"], True, seed, first_order=first_order
            )
        )
        predicted = states[1:] if multi_step and len(states) > 1 else states[-1:]
        outputs = [self.predict_task(s, inputs["query_x"], True, seed) for s in predicted]
        losses = [self._task_loss(inputs, y, o, sample_weight, training=True) for o in outputs]
        weights = self._loss_weights(len(losses), losses[0].dtype)
        loss = tf.add_n([v * x for v, x in zip(weights, losses, strict=True)])
        observed = {}
        if self.batch_norm == "running":
            observed = outputs[-1].state
        elif self.batch_norm == "per_step":
            passes = [*(state["statistics"] for state in states[1:]), outputs[-1].state]
            observed = {i: tf.stack([each[i] for each in passes]) for i in self._statistics}
        return loss, outputs[-1].predictions, observed

    def _loss_weights(self, steps, dtype):
        """`v_1 .. v_K`: equal at first, the last step alone at the end."""
        if steps == 1:
            return [tf.ones([], dtype)]
        step = 0 if self.optimizer is None else self.optimizer.iterations
        done = tf.cast(step, dtype) / tf.cast(self.multi_step_loss_steps, dtype)
        others = tf.maximum(1.0 - done, 0.0) / steps
        return [others] * (steps - 1) + [1.0 - (steps - 1) * others]

    def _with_zeros(self, result):
        gradients, values = result
        zeros = [
            tf.zeros_like(v) if g is None else g
            for g, v in zip(gradients, self.trainable_variables, strict=True)
        ]
        return zeros, values

    # Scales and statistics of each step.

    def _select_weights(self):
        variables = self.functional.trainable_variables
        scales = {
            id(variable)
            for layer in self.functional.batch_normalizations
            for variable in layer.trainable_variables
            if self.per_step_scales
        }
        self.replaced_indices = [i for i, v in enumerate(variables) if id(v) in scales]
        return [i for i in super()._select_weights() if i not in self.replaced_indices]

    def _initial(self):
        scales = [tf.convert_to_tensor(table.value) for table in self._scales.values()]
        return [*super()._initial(), *scales]

    def _weights_at(self, initial, adapted, step):
        count = len(self.functional.trainable_variables)
        weights = super()._weights_at(initial[:count], adapted, step)
        for index, table in zip(self._scales, initial[count:], strict=True):
            weights[index] = _row(table, step)
        return weights

    def _statistics_at(self, step, training):
        if training or self.batch_norm != "per_step":
            return {}
        return {index: _row(table, step) for index, table in self._statistics.items()}

    def _support_statistics(self, training):
        # At evaluation too, so that a step does there what it was trained to do.
        return "batch" if self.batch_norm == "per_step" else super()._support_statistics(training)

    def _query_statistics(self, training):
        if self.batch_norm == "per_step":
            return "batch" if training else "stored"
        return super()._query_statistics(training)

    def _moving_statistic(self, index):
        if self.batch_norm == "per_step":
            return self._statistics[index]
        return super()._moving_statistic(index)

    def get_config(self):
        return {
            **super().get_config(),
            "multi_step_loss_steps": self.multi_step_loss_steps,
            "first_order_steps": self.first_order_steps,
            "learned_rates": self.learned_rates,
            "per_step_scales": self.per_step_scales,
        }


def _tables(learner, variables, indices):
    """A row of each variable for each number of inner steps taken, starting from its value."""
    tables = {}
    for index in indices:
        variable = variables[index]
        shape = (learner.inner_steps + 1, *variable.shape)
        tables[index] = learner.add_weight(
            name=f"{variable.name}_by_step_{index}",
            shape=shape,
            initializer="zeros",
            trainable=variable.trainable,
            dtype=variable.dtype,
        )
        tables[index].assign(tf.broadcast_to(variable.value, shape))
    return tables


def _row(table, step):
    return tf.convert_to_tensor(table)[tf.minimum(step, table.shape[0] - 1)]
