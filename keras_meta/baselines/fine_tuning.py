"""Fine-tuning of a model on the support set of each task."""

import functools
import itertools

import tensorflow as tf

from keras_meta import inner_optimizers
from keras_meta.baselines.baseline_method import BaselineMethod, optimizer_name
from keras_meta.exact import keras_masks
from keras_meta.inner_loop import adaptation, losses, rules
from keras_meta.inner_loop.functional import FunctionalModel
from keras_meta.inner_loop.problem import InnerProblem
from keras_meta.outer_loop import task_map


class FineTuning(BaselineMethod):
    """Takes gradient steps on the support set, from the weights of an untrained or trained model.

    Its settings are the numbers of steps. To choose among learning rates as well, make one baseline
    for each and pass the list to `compare` or `choose`.

    Args:
        model: A built `keras.Model` with the weights to start from.
        learning_rate: float.
        steps: Increasing sequence of ints, the numbers of steps after which to predict.
        head_only: bool. Whether the last layer alone is trained.
        stored_statistics: bool. Whether batch normalisation uses the moving statistics of the
            model, or else those of the current support or query set.
        optimizer: `"adam"`, `"sgd"`, or another name that `inner_optimizers.get` takes.

    Example:

    ```python
    import keras_meta

    waves = keras_meta.episodes.Sinusoid(num_shots=5).as_dataset(25, num_batches=2)
    untrained = keras_meta.networks.SinusoidMLP()
    fine_tuning = keras_meta.baselines.FineTuning(untrained, 0.01, steps=(0, 5, 20))
    assert fine_tuning.task_values(waves, "mse", loss="mse").shape == (50, 3)
    ```
    """

    def __init__(
        self,
        model,
        learning_rate,
        steps=(0, 1, 2, 3, 5, 10, 30, 100),
        head_only=False,
        stored_statistics=False,
        optimizer="adam",
    ):
        super().__init__()
        self.model = model
        # Vectorising takes seconds longer to trace, which pays off only if there are many steps.
        self.task_map = task_map.choose(model) if max(steps) >= 100 else "loop"
        self.learning_rate = learning_rate
        self.steps = tuple(steps)
        self.head_only = head_only
        self.stored_statistics = stored_statistics
        self._function = FunctionalModel(model)
        count = len(self._function.trainable_variables)
        self._first = count - len(model.layers[-1].trainable_variables) if head_only else 0
        self._optimizer = inner_optimizers.get(optimizer, learning_rate)
        adapted = self._function.trainable_variables[self._first :]
        self._optimizer.prepare(adapted, [0] * len(adapted), steps=1)

    @property
    def settings(self):
        details = [optimizer_name(self._optimizer), f"rate {self.learning_rate:g}"]
        if self.head_only:
            details.append("head only")
        if self.stored_statistics:
            details.append("stored statistics")
        return [", ".join([*details, f"{number} steps"]) for number in self.steps]

    def predictions(self, inputs, loss):
        function, optimizer = self._function, self._optimizer
        loss = losses.resolve(loss)
        rule = rules.stored if self.stored_statistics else rules.batch
        weights = function.initial_weights()
        body, adapted = weights[: self._first], weights[self._first :]

        def predict(adapted, x):
            return function(x, [*body, *adapted], rule=rule).predictions

        def support_loss(adapted, data, written, step):
            del data, step
            predicted = predict(adapted, inputs["support_x"])
            return losses.support_loss(loss, inputs["support_y"], predicted), written

        problem = InnerProblem(
            initial_weights=adapted,
            loss=support_loss,
            update=functools.partial(optimizer.update, settings=optimizer.read()),
            initial_slots=optimizer.init(adapted),
            first_order=True,
        )
        # Nested loops, so that the step is traced once, whatever the length of `steps`.
        counts = tf.constant([b - a for a, b in itertools.pairwise((0, *self.steps))])

        def go_on(position, state, predictions):
            state = adaptation.loop(problem.step, state, counts[position])
            predicted = predict(state.weights, inputs["query_x"])
            return position + 1, state, predictions.write(position, predicted)

        start = predict(adapted, inputs["query_x"])
        predictions = tf.TensorArray(start.dtype, len(self.steps))
        *_, predictions = tf.while_loop(
            lambda position, *_: position < len(self.steps),
            go_on,
            (tf.constant(0), problem.start(), predictions),
            parallel_iterations=1,
        )
        mask = keras_masks.masks(start)  # the same after any number of steps
        return keras_masks.with_masks(predictions.stack(), None if mask is None else mask[None])
