"""Model-agnostic meta-learning."""

import collections

import keras
import tensorflow as tf

from keras_meta.inner_loop import adaptation, checkpointing
from keras_meta.inner_loop.losses import support_loss
from keras_meta.inner_loop.selection import select
from keras_meta.inner_optimizers import SGD
from keras_meta.learners import model_checks
from keras_meta.learners.adapted_model import AdaptedModel, clone
from keras_meta.learners.gradient_learner import GradientLearner
from keras_meta.learners.graph_constant import GraphConstant

# The step from state to state, the state before the first one, and how a state is kept for a task.
_InnerProblem = collections.namedtuple("_InnerProblem", ["step", "start", "task_state"])


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
        inner_learning_rate: float. Rate of the inner steps, for an averaged loss. Assigning to the
            attribute takes effect at once.
        inner_steps: int. Number of inner steps while fitting.
        eval_inner_steps: int. Number of inner steps in `evaluate`, `predict`, `adapt` and `export`.
            Defaults to `inner_steps`.
        first_order: bool. Whether to leave out second derivatives.
        adapt: Which weights the inner steps change: `"all"`, `"head"` (the last layer that has
            weights), `"body"` (all but that), a list of layer names, or a callable that takes a
            variable and returns a bool. The others are meta-learned only.
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

    checkpoint_steps = GraphConstant(bool)

    def __init__(
        self,
        model,
        inner_learning_rate=0.01,
        inner_steps=1,
        eval_inner_steps=None,
        first_order=False,
        adapt="all",
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
        self.adapts = adapt
        self.adapted_indices = select(self.functional.trainable_variables, model, adapt)
        self._rate = self.add_weight(
            name="inner_learning_rate",
            shape=(),
            initializer="zeros",
            trainable=False,
            dtype=self.functional.trainable_variables[0].dtype,
        )
        # Assigned, because a constant initializer would round it to float32 in a float64 model.
        self.inner_learning_rate = inner_learning_rate
        if not self.first_order and getattr(model, "inputs", None):
            self.check_second_order(model_checks.features_spec(model))

    @property
    def inner_learning_rate(self):
        """Rate of the inner steps."""
        return self._rate

    @inner_learning_rate.setter
    def inner_learning_rate(self, value):
        self._rate.assign(model_checks.check_rate(value))

    def adapt_task(self, support_x, support_y, training=False, seed=None, steps=None):
        """Takes `steps` gradient steps on the support loss, from the initial weights."""
        problem = self._inner_problem(support_x, support_y, training, seed)
        steps = self._steps(training) if steps is None else steps
        if self.checkpoint_steps and steps:
            state = checkpointing.descend(problem.step, self._complete(problem), steps)
        else:
            *_, state = adaptation.descend(problem.step, problem.start, steps)
        return problem.task_state(state, steps)

    def adaptation(self, support_x, support_y, training=False, seed=None, steps=None):
        """Yields the task's state after 0, 1, ..., `steps` inner steps.

        Args:
            support_x: Features `[support, ...]`.
            support_y: Labels `[support, ...]`.
            training: bool. Whether dropout is active.
            seed: int tensor `[2]`, or `None`.
            steps: int. Defaults to `inner_steps` in training and `eval_inner_steps` otherwise.

        Yields:
            dict with `"weights"`, the adapted weights, and `"statistics"`, what normalisation
            keeps of the support set.
        """
        problem = self._inner_problem(support_x, support_y, training, seed)
        steps = self._steps(training) if steps is None else steps
        for step, state in enumerate(adaptation.descend(problem.step, problem.start, steps)):
            yield problem.task_state(state, step)

    def _inner_problem(self, support_x, support_y, training, seed):
        loss = self.resolved_inner_loss()
        initial = self.functional.initial_weights()
        statistics = "stored" if self.batch_norm == "running" else "batch"
        optimizer = SGD(tf.convert_to_tensor(self._rate.value))

        def forward(adapted, statistics_so_far, step):
            return self.functional(
                support_x,
                self._all_weights(initial, adapted),
                statistics_so_far,
                training=training,
                statistics=statistics,
                seed=_fold(seed, step),
            )

        def inner_loss(adapted, statistics_so_far, step):
            output = forward(adapted, statistics_so_far, step)
            value = support_loss(loss, support_y, output.predictions)
            penalty = output.losses + self.functional.regularization(
                self._all_weights(initial, adapted)
            )
            return value + tf.cast(penalty, value.dtype), output.state

        def task_state(state, step):
            kept = state.auxiliary
            if self.batch_norm == "support" and self.functional.batch_normalizations:
                # Statistics of the support set as the adapted weights see it.
                kept = forward(state.weights, kept, step).state
            return {"weights": list(state.weights), "statistics": kept}

        weights = [initial[i] for i in self.adapted_indices]
        return _InnerProblem(
            adaptation.gradient_step(inner_loss, optimizer, self.first_order),
            adaptation.InnerState(weights, optimizer.init(weights), {}),
            task_state,
        )

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
        statistics = {"transductive": "batch", "support": "stored", "running": "observe"}
        observe = self.batch_norm != "running" or training
        return self.functional(
            query_x,
            self._all_weights(self.functional.initial_weights(), state["weights"]),
            state["statistics"],
            training=training,
            statistics=statistics[self.batch_norm] if observe else "stored",
            seed=_fold(seed, 2**31 - 1),
        )

    def adapted_model(self, state):
        """A copy of the model with the weights and statistics of one task."""
        model = clone(self.model)
        function = type(self.functional)(model)
        for index, value in zip(self.adapted_indices, state["weights"], strict=True):
            function.trainable_variables[index].assign(value)
        if self.batch_norm == "support":
            for index, value in state["statistics"].items():
                function.state_variables[index].assign(value)
        if self.batch_norm == "transductive" and function.batch_normalizations:
            return AdaptedModel(model)
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
            "inner_learning_rate": float(self.inner_learning_rate),
            "inner_steps": self.inner_steps,
            "eval_inner_steps": self.eval_inner_steps,
            "first_order": self.first_order,
            "checkpoint_steps": self.checkpoint_steps,
            "adapt": keras.saving.serialize_keras_object(self.adapts),
        }


def _fold(seed, data):
    return None if seed is None else tf.random.experimental.stateless_fold_in(seed, data)
