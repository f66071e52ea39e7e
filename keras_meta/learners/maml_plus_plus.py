"""MAML, trained stably."""

import dataclasses

import keras
import tensorflow as tf

from keras_meta.exact.normalization import batch_normalizations
from keras_meta.inner_loop.inner_weights import of_model, put
from keras_meta.inner_loop.tables import row, table
from keras_meta.inner_optimizers import SGD, Learned
from keras_meta.learners.maml import MAML
from keras_meta.outer_loop import episode
from keras_meta.outer_loop.graph_constant import GraphConstant, count
from keras_meta.outer_loop.mean_gradients import mean_gradients
from keras_meta.outer_loop.outcome import Outcome


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

    observes_each_step = True
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
        if learned_rates and "inner_optimizer" not in kwargs:
            initial = 0.01 if inner_learning_rate is None else inner_learning_rate
            rates = Learned(initial, per="layer", per_step=True)
            inner_learning_rate, kwargs["inner_optimizer"] = None, SGD(rates)
        scales = [
            variable
            for layer in (batch_normalizations(model) if per_step_scales else ())
            for variable in layer.trainable_variables
        ]
        kwargs["inner_weights"] = of_model(
            model, kwargs.get("adapted_weights", "all"), replaced=scales, fixed=scales
        )
        super().__init__(model, inner_learning_rate, inner_steps, **kwargs)
        if self.checkpoint_steps:
            raise ValueError(
                "`checkpoint_steps` is not for MAMLPlusPlus, which uses what lies between the "
                "inner steps. Use MAML with inner_optimizer=SGD(Learned(rate, per='layer', "
                "per_step=True)). Received: checkpoint_steps=True."
            )
        self.learned_rates = learned_rates
        self.per_step_scales = per_step_scales
        self.multi_step_loss_steps = multi_step_loss_steps
        self.first_order_steps = first_order_steps
        self.scales = [table(self, variable, self.inner_steps + 1) for variable in scales]
        # Statistics by step are there, to be saved, whatever the policy is at the moment.
        self.batch_norm = "per_step"
        self.batch_norm = batch_norm

    def inner_problem(self, support_x, support_y, training=False, seed=None, parameters=None):
        """The problem of MAML, with the scales and shifts of each step. See `MAML`."""
        problem = super().inner_problem(support_x, support_y, training, seed, parameters)
        tables = [tf.convert_to_tensor(variable.value) for variable in self.scales]
        positions = self.inner_weights.of_task[len(self.inner_weights.adapted) :]

        def weights_at(adapted, step):
            rows = [row(values, step) for values in tables]
            return put(problem.weights_at(adapted, step), positions, rows)

        return dataclasses.replace(problem, weights_at=weights_at)

    # The loss after every inner step, and its derivatives.

    def meta_gradients(self, tasks):
        """Gradients of what this outer step minimises. See `OuterModel`."""

        def gradients(multi_step, first_order):
            def learn(task, seed):
                return self.learn_by_step(task, seed, multi_step, first_order)

            return mean_gradients(self, learn, tasks)

        def until(outer_steps, early, late):
            """One of two gradients; where both may be meant, absent ones become zeros."""
            if not outer_steps:
                return late()
            branches = [lambda: self._with_zeros(early()), lambda: self._with_zeros(late())]
            return tf.cond(self.outer_step < outer_steps, *branches)

        def by_order(multi_step):
            return until(
                0 if self.first_order else self.first_order_steps,
                lambda: gradients(multi_step, True),
                lambda: gradients(multi_step, self.first_order),
            )

        return until(self.multi_step_loss_steps, lambda: by_order(True), lambda: by_order(False))

    def learn_by_step(self, task, seed, multi_step, first_order):
        """Learns an episode, with the loss after every inner step or after the last.

        Args:
            task: An `Episode`.
            seed: int tensor `[2]`.
            multi_step: bool. Whether every step counts.
            first_order: bool. Whether second derivatives are left out.

        Returns:
            An `Outcome`.
        """
        real = episode.without_padding(task)
        problem = self.inner_problem(real.inputs["support_x"], real.inputs["support_y"], True, seed)
        problem = dataclasses.replace(problem, first_order=first_order)
        states = [problem.kept(x, step) for step, x in enumerate(problem.states(self.inner_steps))]
        predicted = states[1:] if multi_step and len(states) > 1 else states[-1:]
        outputs = [self.predict_task(s, real.inputs["query_x"], True, seed) for s in predicted]
        losses = [episode.task_loss(self, real, output, training=True) for output in outputs]
        weights = self._loss_weights(len(losses), losses[0].dtype)
        passes = [*(state["statistics"] for state in states[1:]), outputs[-1].state]
        return Outcome(
            tf.add_n([v * loss for v, loss in zip(weights, losses, strict=True)]),
            episode.with_padding(outputs[-1].predictions, task),
            self.statistics.observed_by_step(passes),
        )

    def _loss_weights(self, steps, dtype):
        """`v_1 .. v_K`: equal at first, the last step alone at the end."""
        if steps == 1:
            return [tf.ones([], dtype)]
        done = tf.cast(self.outer_step, dtype) / tf.cast(self.multi_step_loss_steps, dtype)
        others = tf.maximum(1.0 - done, 0.0) / steps
        return [others] * (steps - 1) + [1.0 - (steps - 1) * others]

    def _with_zeros(self, result):
        gradients, values = result
        zeros = [
            tf.zeros_like(v) if g is None else g
            for g, v in zip(gradients, self.trainable_variables, strict=True)
        ]
        return zeros, values

    def get_config(self):
        return {
            **super().get_config(),
            "multi_step_loss_steps": self.multi_step_loss_steps,
            "first_order_steps": self.first_order_steps,
            "learned_rates": self.learned_rates,
            "per_step_scales": self.per_step_scales,
        }
