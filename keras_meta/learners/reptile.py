"""Reptile: first-order meta-learning that moves the initial weights to the adapted ones."""

import dataclasses

import keras
import tensorflow as tf

from keras_meta.exact import replicas
from keras_meta.inner_loop.mini_batches import mini_batches
from keras_meta.learners.maml import MAML
from keras_meta.outer_loop import episode
from keras_meta.outer_loop.graph_constant import GraphConstant, count
from keras_meta.outer_loop.mean_gradients import num_tasks


@keras.saving.register_keras_serializable("keras_meta")
class Reptile(MAML):
    """Moves the initial weights towards the mean of the adapted weights.

        w <- w + e (mean over tasks of w_K - w)

    The outer optimizer receives `w - mean of w_K` as its gradient, so that `SGD(e)` is the rule
    above. The inner steps are not differentiated, so memory does not grow with their number, and
    the queries of a task are only used for the reported loss and metrics. The slots of the inner
    optimizer, such as the second moments of Adam, are averaged over tasks and carried over to the
    next outer step.

    Args:
        model: A built `keras.Model`.
        inner_learning_rate: See `MAML`.
        inner_steps: See `MAML`.
        inner_batch_size: int. Number of support examples per inner step, drawn in turn from the
            shuffled support set; `None` for the whole set.
        **kwargs: The other arguments of `MAML`, except `first_order`.

    Raises:
        ValueError: If an argument is invalid, or a setting of the inner optimizer is `Learned`.

    Example:

    ```python
    import keras
    import keras_meta
    from keras_meta.inner_optimizers import Adam

    learner = keras_meta.learners.Reptile(
        keras_meta.networks.SinusoidMLP(),
        inner_steps=10,
        inner_batch_size=5,
        inner_optimizer=Adam(0.001, beta_1=0.0),
    )
    learner.compile(keras.optimizers.SGD(1.0), "mse")
    waves = keras_meta.episodes.Sinusoid(num_shots=10)
    learner.fit(waves.as_dataset(5), steps_per_epoch=5, verbose=0)
    ```

    Reference:
        [Nichol et al., 2018](https://arxiv.org/abs/1803.02999)
    """

    inner_batch_size = GraphConstant(count("inner_batch_size", optional=True, least=1))

    def __init__(
        self, model, inner_learning_rate=None, inner_steps=10, inner_batch_size=None, **kwargs
    ):
        kwargs = {"checkpoint_steps": True, **kwargs, "first_order": True}
        super().__init__(model, inner_learning_rate, inner_steps, **kwargs)
        if self.inner_optimizer.trainable_variables:
            raise ValueError(
                "Reptile does not differentiate the inner steps, so it cannot learn their "
                "settings. Use numbers in place of `Learned`, or MAML. "
                f"Received: inner_optimizer={self.inner_optimizer!r}."
            )
        self.inner_batch_size = inner_batch_size
        weights = self.functional.initial_weights()
        fresh = self.inner_optimizer.init([weights[i] for i in self.inner_weights.adapted])
        self.slots = [
            self.add_weight(
                name=f"slot_{number}",
                shape=slot.shape,
                initializer="zeros",
                trainable=False,
                dtype=slot.dtype.name,
            )
            for number, slot in enumerate(tf.nest.flatten(fresh))
        ]

    def inner_problem(self, support_x, support_y, training=False, seed=None, parameters=None):
        """The inner problem of MAML with mini-batches and the slots of the last outer step."""
        problem = super().inner_problem(support_x, support_y, training, seed, parameters)
        slots = tf.nest.pack_sequence_as(
            problem.initial_slots, [tf.convert_to_tensor(v.value) for v in self.slots]
        )
        problem = dataclasses.replace(problem, initial_slots=slots)
        if self.inner_batch_size is None:
            return problem
        seed = tf.constant([self.seed, 0], tf.int64) if seed is None else seed
        batches = mini_batches((support_x, support_y), self.inner_batch_size, seed)
        return dataclasses.replace(problem, data_at=lambda weights, step, seed: batches(step))

    def solve(self, problem, steps):
        """Without the states between the steps, for which a derivative alone has a use."""
        if self.checkpoint_steps and steps:
            return problem.solve_without_derivative(steps, self.stored_state())
        return problem.solve(steps)

    def meta_gradients(self, tasks):
        """Returns `w - mean over tasks of w_K` as the gradient. See `OuterModel`."""
        variables, adapted = self.functional.trainable_variables, self.inner_weights.adapted
        first_task, share = replicas.place_in_batch(num_tasks(tasks))
        number = num_tasks(tasks)

        def difference(task, seed):
            real = episode.without_padding(task)
            x, y, query_x = (real.inputs[key] for key in ("support_x", "support_y", "query_x"))
            problem = self.inner_problem(x, y, True, seed)
            last = self.solve(problem, self.inner_steps)
            state = problem.kept(last, self.inner_steps)
            outcome = self.outcome(task, real, self.predict_task(state, query_x, True, seed), True)
            differences = {
                id(variables[i]): self.scale_loss((start - w) / tf.cast(number, w.dtype))
                for i, start, w in zip(adapted, problem.initial_weights, last.weights, strict=True)
            }
            observed = {"statistics": outcome.observed, "slots": tf.nest.flatten(last.slots)}
            gradients = [differences.get(id(v)) for v in self.trainable_variables]
            return gradients, outcome._replace(observed=observed)

        gradients, outcome = self.map_tasks(difference, tasks, self.outer_step, first_task)
        if share is not None:
            # Replicas sum their gradients, each of which is a mean over that replica's tasks.
            gradients = [
                None if g is None else replicas.part(g * tf.cast(share, g.dtype)) for g in gradients
            ]
        return gradients, outcome

    def absorb(self, observed):
        """Stores the mean of the slots over tasks. See `OuterModel`."""
        super().absorb(observed["statistics"])
        means = replicas.mean_over_tasks(observed["slots"])
        for variable, value in zip(self.slots, means, strict=True):
            variable.assign(value)

    def get_config(self):
        config = {**super().get_config(), "inner_batch_size": self.inner_batch_size}
        del config["first_order"]
        return config
