"""MAML++: stable training of MAML."""

import dataclasses

import keras
import tensorflow as tf

from keras_meta.exact import replicas
from keras_meta.exact.normalization import batch_normalizations
from keras_meta.inner_loop.inner_weights import of_model, put
from keras_meta.inner_loop.tables import row, table
from keras_meta.inner_optimizers import SGD, Learned
from keras_meta.learners.maml import MAML
from keras_meta.outer_loop import episode
from keras_meta.outer_loop.graph_constant import GraphConstant, count
from keras_meta.outer_loop.mean_gradients import mean_gradients, num_tasks
from keras_meta.outer_loop.outcome import Outcome


@keras.saving.register_keras_serializable("keras_meta")
class MAMLPlusPlus(MAML):
    """MAML with techniques that stabilise its training, each of which can be switched off.

    For the first `multi_step_loss_steps` outer steps, the loss of a task is a weighted sum of the
    query losses after each inner step. Its weights `v_k` are equal at first and shift linearly to
    the last step alone. At outer step `t`:

        sum over k = 1..K of  v_k L_Q(w_k)
        v_k = (1 - t / multi_step_loss_steps) / K  for k < K,    v_K = 1 - sum of the others

    For the first `first_order_steps` outer steps, second derivatives are omitted. Each layer has a
    learning rate per inner step, and each normalisation layer a scale and a shift per inner step.
    All of these are meta-learned; scales and shifts are not adapted. With
    `batch_norm="per_step"`, running statistics are kept for each number of inner steps taken.
    Training normalises by the statistics of the current examples and updates the running statistics
    of the step. Evaluation normalises the support set by its own statistics, and the queries by the
    running statistics of the step, independently of each other. For the cosine schedule of the
    paper, pass `keras.optimizers.schedules.CosineDecay` to the outer optimizer.

    Args:
        model: A built `keras.Model`.
        inner_learning_rate: float. Initial value of all inner learning rates.
        inner_steps: int. Number of inner steps during `fit`. If evaluation takes more, the further
            steps use the per-step values of the last.
        multi_step_loss_steps: int. Number of outer steps in which the loss includes every inner
            step; 0 to disable.
        first_order_steps: int. Number of outer steps without second derivatives; 0 to disable.
        learned_rates: bool. Whether the rates are learned, per layer and inner step.
        per_step_scales: bool. Whether normalisation layers have scales and shifts per inner step.
        batch_norm: `"per_step"`, or any value that `MetaLearner` accepts.
        **kwargs: The other arguments of `MAML`.

    Raises:
        ValueError: If an argument is invalid.

    Example:

    ```python
    import keras
    import keras_meta

    learner = keras_meta.learners.MAMLPlusPlus(
        keras_meta.networks.SinusoidMLP(), 0.01, inner_steps=2, multi_step_loss_steps=100
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
                "MAMLPlusPlus does not support `checkpoint_steps`, because it uses the state after "
                "every inner step. Use MAML with inner_optimizer=SGD(Learned(rate, per='layer', "
                "per_step=True)). Received: checkpoint_steps=True."
            )
        self.learned_rates = learned_rates
        self.per_step_scales = per_step_scales
        self.multi_step_loss_steps = multi_step_loss_steps
        self.first_order_steps = first_order_steps
        self.scales = [table(self, variable, self.inner_steps + 1) for variable in scales]
        # Creates the per-step statistics in any case, so that they are saved under every policy.
        self.batch_norm = "per_step"
        self.batch_norm = batch_norm

    def inner_problem(self, support_x, support_y, training=False, seed=None, parameters=None):
        """The inner problem of MAML with the scales and shifts of each step. See `MAML`."""
        problem = super().inner_problem(support_x, support_y, training, seed, parameters)
        tables = [tf.convert_to_tensor(variable.value) for variable in self.scales]
        positions = self.inner_weights.of_task[len(self.inner_weights.adapted) :]

        def weights_at(adapted, step):
            rows = [row(values, step) for values in tables]
            return put(problem.weights_at(adapted, step), positions, rows)

        return dataclasses.replace(problem, weights_at=weights_at)

    # The multi-step loss and its gradient.

    def meta_gradients(self, tasks):
        """Gradients of the loss of this outer step. See `OuterModel`."""
        place = replicas.place_in_batch(num_tasks(tasks))

        def gradients(multi_step, first_order):
            def learn(task, seed):
                return self.learn_by_step(task, seed, multi_step, first_order)

            return mean_gradients(self, learn, tasks, place)

        def until(outer_steps, early, late):
            """Selects a gradient by outer step; `tf.cond` requires zeros in place of `None`."""
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
        """Learns an episode with the loss after every inner step, or after the last alone.

        Args:
            task: An `Episode`.
            seed: int tensor `[2]`.
            multi_step: bool. Whether the loss includes every inner step.
            first_order: bool. Whether second derivatives are omitted.

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
