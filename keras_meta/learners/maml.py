"""Model-agnostic meta-learning."""

import collections
import functools

import keras
import tensorflow as tf

from keras_meta import inner_optimizers
from keras_meta.exact.layers import layer_numbers
from keras_meta.inner_loop import adaptation, checkpointing, losses
from keras_meta.inner_loop.functional import FunctionalModel
from keras_meta.inner_loop.losses import gradient_scale, support_loss
from keras_meta.inner_loop.selection import select
from keras_meta.learners.gradient_learner import GradientLearner
from keras_meta.outer_loop import model_checks
from keras_meta.outer_loop.graph_constant import GraphConstant
from keras_meta.serving.adapted_model import AdaptedModel, clone

# The loss, the step from state to state, the state before the first one, and how a state is kept
# for a task.
_InnerProblem = collections.namedtuple("_InnerProblem", "loss step start task_state")


@keras.saving.register_keras_serializable("keras_meta")
class MAML(GradientLearner):
    """Learns initial weights from which a few gradient steps learn a task.

    For a task with support loss `L_S` and query loss `L_Q`, and inner learning rate `a`,

        w_0 = w,    w_{k+1} = w_k - a dL_S/dw (w_k),    k = 0 .. K-1
        minimise over w:  mean over tasks of  L_Q(w_K)

    The gradient of the outer problem flows through the inner steps (second order), or treats inner
    gradients as constants (`first_order=True`, known as FOMAML). Weight regularizers count in the
    inner loss at the adapted weights, and in the outer loss at the initial ones.

    Args:
        model: A built `keras.Model`.
        inner_learning_rate: float, `inner_optimizers.Learned`, or a
            `keras.optimizers.schedules.LearningRateSchedule` over the inner steps. Rate of the
            inner steps, for an averaged loss. Defaults to that of `inner_optimizer`. Assigning a
            float to the attribute takes effect at once.
        inner_steps: int. Number of inner steps while fitting.
        eval_inner_steps: int. Number of inner steps in `evaluate`, `predict`, `adapt` and `export`.
            Defaults to `inner_steps`.
        first_order: bool. Whether to leave out second derivatives.
        adapted_weights: Which weights the inner steps change: `"all"`, `"head"` (the last layer
            with weights), `"body"` (all but that), `"scales"` (those of normalisation layers),
            `"lora"` (of layers with `enable_lora`), a list of layer names, or a callable that takes
            a variable and returns a bool. The others are meta-learned only.
        inner_optimizer: Rule of the inner steps: `"sgd"`, `"momentum"`, `"nesterov"`, `"adam"`,
            `"rmsprop"`, or an object of `keras_meta.inner_optimizers` with its settings.
        checkpoint_steps: bool. Whether to keep only the weights between inner steps, and to
            compute each step again for the meta-gradient. Memory and tracing time then hardly grow
            with the number of steps; a step of training takes about a third longer.
        inner_loss: See `MetaLearner`.
        batch_norm: See `MetaLearner`.
        task_map: See `MetaLearner`.
        seed: See `MetaLearner`.
        name: Optional name.

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

    # Positions of weights of the model in whose place every pass has others.
    replaced_indices = ()
    checkpoint_steps = GraphConstant(bool)

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
    ):
        super().__init__(model, inner_loss, batch_norm, task_map, seed, name, dtype)
        self.inner_steps = inner_steps
        self.eval_inner_steps = eval_inner_steps
        self.first_order = first_order
        self.checkpoint_steps = checkpoint_steps
        self.adapted_weights = adapted_weights
        self._check_inner_loss()
        self.adapted_indices = self._select_weights()
        # What the state of a task holds of the weights.
        self.task_indices = self.adapted_indices
        self.inner_optimizer = inner_optimizers.get(inner_optimizer, inner_learning_rate)
        self.inner_optimizer.prepare(*self._adapted_variables(), self.inner_steps)
        if not self.first_order and getattr(model, "inputs", None):
            self.check_second_order(model_checks.features_spec(model))

    @property
    def trainable_variables(self):
        """What the outer loop learns: all but weights of the model that the learner replaces."""
        return self._without_replaced(super().trainable_variables)

    @property
    def trainable_weights(self):
        """The same under the other name, by which Keras finishes a run of `fit`."""
        return self._without_replaced(super().trainable_weights)

    def _without_replaced(self, variables):
        replaced = {id(self.functional.trainable_variables[i]) for i in self.replaced_indices}
        return [v for v in variables if id(v) not in replaced]

    @property
    def inner_learning_rate(self):
        """Rate of the inner steps."""
        return self.inner_optimizer.learning_rate

    @inner_learning_rate.setter
    def inner_learning_rate(self, value):
        self.inner_optimizer.assign("learning_rate", value)

    def adapt_task(self, support_x, support_y, training=False, seed=None, steps=None):
        """Takes `steps` gradient steps on the support loss, from the initial weights."""
        problem = self._inner_problem(support_x, support_y, training, seed)
        steps = self._steps(training) if steps is None else steps
        return problem.task_state(self._descend(problem, steps), steps)

    def adaptation(
        self, support_x, support_y, training=False, seed=None, steps=None, first_order=None
    ):
        """Yields the task's state after 0, 1, ..., `steps` inner steps.

        Args:
            support_x: Features `[support, ...]`.
            support_y: Labels `[support, ...]`.
            training: bool. Whether dropout is active.
            seed: int tensor `[2]`, or `None`.
            steps: int. Defaults to `inner_steps` in training and `eval_inner_steps` otherwise.
            first_order: bool. Defaults to the learner's.

        Yields:
            dict with `"weights"`, the adapted weights, and `"statistics"`, what normalisation
            keeps of the support set.
        """
        problem = self._inner_problem(support_x, support_y, training, seed, first_order)
        steps = self._steps(training) if steps is None else steps
        for step, state in enumerate(adaptation.descend(problem.step, problem.start, steps)):
            yield problem.task_state(state, step)

    def inner_losses(self, support_x, support_y, steps=None):
        """The support loss after 0, 1, ..., `steps` inner steps.

        Args:
            support_x: Features `[support, ...]`.
            support_y: Labels `[support, ...]`.
            steps: int. Defaults to the number of steps at evaluation.

        Returns:
            Tensor `[steps + 1]`.
        """
        problem = self._inner_problem(support_x, support_y, False, None, first_order=True)
        states = adaptation.descend(
            problem.step, problem.start, self._steps(False) if steps is None else steps
        )
        losses = [problem.loss(x.weights, x.auxiliary, k)[0] for k, x in enumerate(states)]
        return tf.stack(losses)

    def _descend(self, problem, steps):
        """The state after the last inner step."""
        if self.checkpoint_steps and steps:
            return checkpointing.descend(problem.step, self._complete(problem), steps)
        *_, state = adaptation.descend(problem.step, problem.start, steps)
        return state

    def _inner_problem(
        self,
        support_x,
        support_y,
        training,
        seed,
        first_order=None,
        initial=None,
        loss_weights=None,
    ):
        loss = self.resolved_inner_loss()
        initial = self._initial() if initial is None else initial
        # Read now: a variable that is read inside a checkpointed step gets no gradient.
        loss_weights = self._inner_loss_weights() if loss_weights is None else loss_weights
        learned = list(zip(losses.variables(self.inner_loss), loss_weights, strict=True))
        optimizer = self.inner_optimizer
        update = functools.partial(optimizer.update, settings=optimizer.read())
        first_order = self.first_order if first_order is None else first_order

        def forward(x, adapted, statistics, step):
            return self.functional(
                x,
                self._weights_at(initial, adapted, step),
                {**statistics, **self._statistics_at(step, training)},
                training=training,
                statistics=self._support_statistics(training),
                seed=_fold(seed, step),
            )

        def inner_loss(adapted, statistics, step):
            x, y = self._support_at(support_x, support_y, step)
            output = forward(x, adapted, statistics, step)
            with keras.StatelessScope(state_mapping=learned):
                value = support_loss(loss, y, output.predictions)
            penalty = output.losses + self.functional.regularization(
                self._weights_at(initial, adapted, step)
            )
            penalty += self._inner_penalty(initial, adapted)
            scale = gradient_scale(loss, y, output.predictions)
            return value + tf.cast(penalty, value.dtype), output.state, scale

        def task_state(state, step):
            kept = {**state.auxiliary, **self._statistics_at(step, training)}
            if self.batch_norm == "support" and self.functional.batch_normalizations:
                # Statistics of the support set as the adapted weights see it.
                kept = forward(support_x, state.weights, state.auxiliary, step).state
            elif self.batch_norm == "transductive":  # queries are normalised by their own
                kept = {i: x for i, x in kept.items() if i not in self.functional.moving_indices}
            weights = self._weights_at(initial, state.weights, step)
            return {"weights": [weights[i] for i in self.task_indices], "statistics": kept}

        weights = [initial[i] for i in self.adapted_indices]
        return _InnerProblem(
            inner_loss,
            adaptation.gradient_step(inner_loss, update, first_order),
            adaptation.InnerState(weights, self._initial_slots(weights), {}),
            task_state,
        )

    def _check_inner_loss(self):
        if self.first_order and losses.variables(self.inner_loss):
            raise ValueError(
                "The weights of an inner loss are learned through the inner gradient, which "
                "first-order learners take for a constant. Use a loss without weights, or MAML "
                f"with first_order=False. Received: inner_loss={self.inner_loss!r}."
            )

    # What a subclass may have otherwise.

    def _select_weights(self):
        """Positions of the weights that adapt."""
        return select(self.functional.trainable_variables, self.model, self.adapted_weights)

    def _adapted_variables(self):
        """The variables that adapt, and the number of the layer of each."""
        variables = [self.functional.trainable_variables[i] for i in self.adapted_indices]
        return variables, layer_numbers(self.model, variables)

    def _initial(self):
        """All that the inner problem reads of what is meta-learned, as tensors."""
        return self.functional.initial_weights()

    def _inner_loss_weights(self):
        """What is learned of the inner loss, as tensors."""
        return [tf.convert_to_tensor(v.value) for v in losses.variables(self.inner_loss)]

    def _weights_at(self, initial, adapted, step):
        """All weights of the model in the pass after `step` inner steps."""
        del step
        return self._all_weights(initial, adapted)

    def _initial_slots(self, weights):
        """What the inner optimizer keeps, before the first step."""
        return self.inner_optimizer.init(weights)

    def _support_at(self, support_x, support_y, step):
        """The examples that an inner step learns from."""
        del step
        return support_x, support_y

    def _inner_penalty(self, initial, adapted):
        """What the inner loss has besides the support loss and the regularizers."""
        del initial, adapted
        return 0.0

    def _statistics_at(self, step, training):
        """Statistics of normalisation for that pass, where they are not those of the model."""
        del step, training
        return {}

    def _support_statistics(self, training):
        """Statistics by which the support set is normalised."""
        del training
        return "stored" if self.batch_norm == "running" else "batch"

    def _query_statistics(self, training):
        """Statistics by which the queries are normalised."""
        if self.batch_norm == "running":
            return "observe" if training else "stored"
        return "batch" if self.batch_norm == "transductive" else "stored"

    def _complete(self, problem):
        """The start of a loop, whose state must have all along what the first step adds to it."""
        first = tf.function(lambda: problem.step(problem.start, 0), autograph=False)
        written = first.get_concrete_function().structured_outputs.auxiliary
        variables = self.functional.state_variables
        return problem.start._replace(
            auxiliary={index: tf.convert_to_tensor(variables[index].value) for index in written}
        )

    def predict_task(self, state, query_x, training=False, seed=None):
        """Runs the model with the adapted weights."""
        weights = list(self.functional.initial_weights())
        for index, value in zip(self.task_indices, state["weights"], strict=True):
            weights[index] = value
        return self.functional(
            query_x,
            weights,
            state["statistics"],
            training=training,
            statistics=self._query_statistics(training),
            seed=_fold(seed, 2**31 - 1),
        )

    def weight_names(self):
        variables = self.functional.trainable_variables
        return [variables[i].path for i in self.task_indices if i < len(variables)]

    def adapted_model(self, state):
        """A copy of the model with the weights and statistics of one task."""
        model = self._task_model(state)
        if self.batch_norm == "transductive" and self.functional.batch_normalizations:
            return AdaptedModel(model)
        return model

    def _task_model(self, state):
        """The same, whatever the statistics by which it normalises."""
        model = clone(self.model)
        function = FunctionalModel(model)
        # A learner may have more weights than its model has variables.
        for index, value in zip(self.task_indices, state["weights"], strict=False):
            function.trainable_variables[index].assign(value)
        if self.batch_norm in ("support", "per_step"):
            for index, value in state["statistics"].items():
                function.state_variables[index].assign(value)
        return model

    def _check(self, inputs, y=None):
        first_episode = self.episode_spec is None
        checked = super()._check(inputs, y)
        if first_episode and not self.first_order and not getattr(self.model, "inputs", None):
            self.check_second_order(
                keras.tree.map_structure(
                    lambda x: tf.TensorSpec([None, *x.shape[2:]], x.dtype), inputs["support_x"]
                )
            )
        return checked

    def _all_weights(self, initial, adapted):
        weights = list(initial)
        for index, value in zip(self.adapted_indices, adapted, strict=True):
            weights[index] = value
        return weights

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


def _fold(seed, data):
    return None if seed is None else tf.random.experimental.stateless_fold_in(seed, data)
