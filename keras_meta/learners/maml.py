"""Model-agnostic meta-learning."""

import dataclasses

import keras
import tensorflow as tf

from keras_meta import inner_optimizers
from keras_meta.inner_loop import losses
from keras_meta.inner_loop.functional import fold_in
from keras_meta.inner_loop.inner_weights import of_model, put
from keras_meta.inner_loop.support_problem import support_problem
from keras_meta.outer_loop import divergence, episode
from keras_meta.outer_loop.graph_constant import GraphConstant, count
from keras_meta.outer_loop.meta_learner import MetaLearner


@keras.saving.register_keras_serializable("keras_meta")
class MAML(MetaLearner):
    """Learns initial weights from which a few gradient steps learn a task.

    For a task with support loss `L_S` and query loss `L_Q`, and inner learning rate `a`,

        w_0 = w,    w_{k+1} = w_k - a dL_S/dw (w_k),    k = 0 .. K-1
        minimise over w:  mean over tasks of  L_Q(w_K)

    The meta-gradient flows through the inner steps (second order), or treats inner gradients as
    constants (`first_order=True`, known as FOMAML). Weight regularizers are part of the inner loss,
    evaluated at the adapted weights, and of the outer loss, evaluated at the initial weights.

    Args:
        model: A built `keras.Model`.
        inner_learning_rate: float, `inner_optimizers.Learned`, or a
            `keras.optimizers.schedules.LearningRateSchedule` over the inner steps. Learning rate of
            the inner steps, for an averaged loss. Defaults to that of `inner_optimizer`. Assigning
            a float to the attribute takes effect immediately.
        inner_steps: int. Number of inner steps during `fit`.
        eval_inner_steps: int. Number of inner steps in `evaluate`, `predict`, `adapt` and `export`.
            Defaults to `inner_steps`.
        first_order: bool. Whether to omit second derivatives.
        adapted_weights: Which weights the inner steps change: `"all"`, `"head"` (the last layer
            with weights), `"body"` (all others), `"scales"` (those of normalisation layers),
            `"lora"` (of layers with `enable_lora`), a list of layer names, or a callable that takes
            a variable and returns a bool. The other weights are meta-learned, but not adapted.
        inner_optimizer: Update rule: `"sgd"`, `"momentum"`, `"nesterov"`, `"adam"`,
            `"rmsprop"`, or an object of `keras_meta.inner_optimizers` with its settings.
        checkpoint_steps: bool. Whether to keep only the weights between inner steps, and to
            recompute each step for the meta-gradient. Memory and tracing time then hardly grow
            with the number of inner steps; an outer step takes about a third longer.
        inner_loss: See `MetaLearner`.
        batch_norm: See `MetaLearner`.
        task_map: See `MetaLearner`.
        seed: See `MetaLearner`.
        name: Optional name.
        inner_weights: An `InnerWeights` that replaces the choice made by `adapted_weights`, for
            subclasses; or `None`.

    Raises:
        ValueError: If an argument is invalid, or an operation of the model has no second derivative
            and `first_order` is `False`.

    Example:

    ```python
    import keras
    import keras_meta

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(40, "relu"),
                              keras.layers.Dense(1)])
    learner = keras_meta.learners.MAML(model, inner_learning_rate=0.01, inner_steps=1)
    learner.compile(keras.optimizers.Adam(1e-3), loss="mse")
    tasks = keras_meta.episodes.Sinusoid(num_shots=10, num_queries=10)
    learner.fit(tasks.as_dataset(batch_size=25), steps_per_epoch=10, verbose=0)
    (inputs, query_y), = tasks.as_dataset(batch_size=1, num_batches=1)
    wave = learner.adapt(inputs["support_x"][0], inputs["support_y"][0])
    predictions = wave.predict(inputs["query_x"][0], verbose=0)
    ```

    Reference:
        [Finn et al., 2017](https://arxiv.org/abs/1703.03400)
    """

    # The number by which the noise of the first inner step is drawn from the seed of the task.
    first_noise = 0
    checkpoint_steps = GraphConstant(bool)
    inner_steps = GraphConstant(count("inner_steps"))
    eval_inner_steps = GraphConstant(count("eval_inner_steps", optional=True))
    first_order = GraphConstant(bool)

    def __init__(
        self,
        model,
        inner_learning_rate=None,
        inner_steps=1,
        eval_inner_steps=None,
        first_order=False,
        adapted_weights="all",
        inner_optimizer="sgd",
        checkpoint_steps=False,
        inner_loss=None,
        batch_norm="transductive",
        task_map="auto",
        seed=0,
        name=None,
        dtype=None,
        inner_weights=None,
    ):
        super().__init__(model, inner_loss, batch_norm, task_map, seed, name, dtype)
        self.inner_steps = inner_steps
        self.eval_inner_steps = eval_inner_steps
        self.first_order = first_order
        self.checkpoint_steps = checkpoint_steps
        self.adapted_weights = adapted_weights
        # Bypasses Keras's attribute tracking, which would count its variables as the learner's.
        self.__dict__["inner_weights"] = inner_weights or of_model(model, adapted_weights)
        losses.check_learned(inner_loss, first_order)
        self.inner_optimizer = inner_optimizers.get(inner_optimizer, inner_learning_rate)
        self.inner_optimizer.prepare(
            self.inner_weights.variables, self.inner_weights.layers, self.inner_steps
        )

    def meta_learned(self, variables):
        """All but those of the model that the learner replaces. See `OuterModel`."""
        inner_weights = self.__dict__.get("inner_weights")
        return inner_weights.without_replaced(variables) if inner_weights else variables

    @property
    def inner_learning_rate(self):
        """Learning rate of the inner steps."""
        return self.inner_optimizer.learning_rate

    @inner_learning_rate.setter
    def inner_learning_rate(self, value):
        self.inner_optimizer.assign("learning_rate", value)

    # The inner problem and its solution.

    def parameters(self):
        """Returns the meta-learned parameters of the inner problem, as lists of tensors.

        They are read before the first inner step, because a variable that is read inside a
        checkpointed step gets no gradient.
        """
        loss, policy = losses.variables(self.inner_loss), self.statistics.learned_variables
        return {
            "weights": self.functional.initial_weights(),
            "loss": [tf.convert_to_tensor(variable.value) for variable in loss],
            "statistics": [tf.convert_to_tensor(variable.value) for variable in policy],
        }

    def inner_problem(self, support_x, support_y, training=False, seed=None, parameters=None):
        """Returns the inner problem of one task.

        Args:
            support_x: Features `[support, ...]`.
            support_y: Labels `[support, ...]`.
            training: bool. Whether dropout is active.
            seed: int tensor `[2]`, or `None`.
            parameters: dict like the result of `parameters`, which is the default.

        Returns:
            An `InnerProblem`.
        """
        parameters = self.parameters() if parameters is None else parameters
        return support_problem(self, support_x, support_y, training, seed, parameters)

    def adapt_task(self, support_x, support_y, training=False, seed=None, steps=None):
        """Takes `steps` gradient steps on the support loss, from the initial weights."""
        problem = self.inner_problem(support_x, support_y, training, seed)
        steps = self.steps(training) if steps is None else steps
        return problem.kept(self.solve(problem, steps), steps)

    def solve(self, problem, steps):
        """Returns the `InnerState` of an `InnerProblem` after `steps` inner steps."""
        if self.checkpoint_steps:
            return problem.solve_checkpointed(steps, self.stored_state())
        return problem.solve(steps)

    def stored_state(self):
        """Returns what graph loops start from: see `InnerProblem.complete`."""
        return self.functional.stored_state if self.functional.state_variables else None

    def inner_losses(self, support_x, support_y, steps=None):
        """The support loss after 0, 1, ..., `steps` inner steps.

        Args:
            support_x: Features `[support, ...]`.
            support_y: Labels `[support, ...]`.
            steps: int. Defaults to the number of steps at evaluation.

        Returns:
            Tensor `[steps + 1]`.
        """
        problem = self.inner_problem(support_x, support_y)
        problem = dataclasses.replace(problem, first_order=True)
        return problem.losses(self.steps(training=False) if steps is None else steps)

    def how_learning_went(self, task):
        """Describes the support loss by inner step. See `OuterModel`."""
        inputs = episode.without_padding(task).inputs
        values = self.inner_losses(inputs["support_x"], inputs["support_y"])
        return divergence.by_step(values.numpy())

    def steps(self, training):
        """Number of inner steps in training, or at evaluation."""
        at_evaluation = not training and self.eval_inner_steps is not None
        return self.eval_inner_steps if at_evaluation else self.inner_steps

    # Prediction with a learned task.

    def predict_task(self, state, query_x, training=False, seed=None):
        """Runs the model with the adapted weights."""
        weights = put(
            self.functional.initial_weights(), self.inner_weights.of_task, state["weights"]
        )
        rule = self.statistics.queries(state, training)
        # The largest int32, so that no inner step has the same noise.
        seed = fold_in(seed, 2**31 - 1)
        return self.functional(query_x, weights, state["statistics"], training, rule, seed)

    def adapted_model(self, state):
        """A copy of the model with the weights and statistics of one task."""
        variables, head = self.functional.trainable_variables, self.functional.head
        own = list(zip(self.inner_weights.of_task, state["weights"], strict=True))
        values = [(variables[i], value) for i, value in own if i < len(variables)]
        # The weights of a task's head come last.
        layer = head and head.layer(*(value for _, value in own[len(values) :]))
        return self.model_of_task(state, values, layer)

    def weight_names(self):
        paths = [variable.path for variable in self.functional.trainable_variables]
        names = [*paths, *(self.functional.head.names if self.functional.head else ())]
        return [names[i] for i in self.inner_weights.of_task]

    def get_config(self):
        return {
            **super().get_config(),
            "inner_steps": self.inner_steps,
            "eval_inner_steps": self.eval_inner_steps,
            "first_order": self.first_order,
            "checkpoint_steps": self.checkpoint_steps,
            "adapted_weights": keras.saving.serialize_keras_object(self.adapted_weights),
            "inner_optimizer": keras.saving.serialize_keras_object(self.inner_optimizer),
        }
