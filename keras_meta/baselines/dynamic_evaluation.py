"""Dynamic evaluation: a language model that learns from the text that it has predicted."""

import dataclasses
import functools

import tensorflow as tf

from keras_meta import inner_optimizers
from keras_meta.baselines.baseline_method import BaselineMethod, optimizer_name
from keras_meta.inner_loop import adaptation, losses
from keras_meta.inner_loop.functional import FunctionalModel
from keras_meta.inner_loop.problem import InnerProblem


class DynamicEvaluation(BaselineMethod):
    """Takes a step on each window of text: on the support set, and on queries once predicted.

    Windows are read in their order. Tasks are windows of text, as of `episodes.CharacterLanguages`,
    so that the labels of a query are its own symbols. It is given more than a learner that adapts
    to the support set alone.

    Args:
        model: A built causal `keras.Model`: symbols `[n, time]` to logits `[n, time, symbols]`.
        learning_rate: float.
        optimizer: See `inner_optimizers.get`.
        passes: int. How often the support set is read before the queries.

    Example:

    ```python
    import keras
    import keras_meta

    tasks = keras_meta.episodes.SyntheticLanguages(num_shots=4, num_queries=2, length=40)
    model = keras_meta.networks.CausalConvNet(tasks.codec.size, width=8)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    dynamic = keras_meta.baselines.DynamicEvaluation(model, 0.01)
    data = tasks.as_dataset(3, num_batches=1)
    assert dynamic.task_values(data, "bits_per_character", loss).shape == (3, 1)
    ```

    Reference:
        [Krause et al., 2018](https://arxiv.org/abs/1709.07432)
    """

    def __init__(self, model, learning_rate, optimizer="sgd", passes=1):
        super().__init__()
        self.model = model
        self.learning_rate = learning_rate
        self.passes = passes
        self._function = FunctionalModel(model)
        self._optimizer = inner_optimizers.get(optimizer, learning_rate)
        adapted = self._function.trainable_variables
        self._optimizer.prepare(adapted, [0] * len(adapted), steps=1)

    @property
    def settings(self):
        optimizer = optimizer_name(self._optimizer)
        return [f"{optimizer}, rate {self.learning_rate:g}, {self.passes} passes"]

    def predictions(self, inputs, loss):
        function, optimizer = self._function, self._optimizer
        loss = losses.resolve(loss)
        support_x, support_y, query_x = (
            inputs[key] for key in ("support_x", "support_y", "query_x")
        )

        def predict(weights, x):
            return function(x, weights).predictions

        def loss_of(weights, data, written, step):
            del step
            x, y = data
            return losses.support_loss(loss, y, predict(weights, x)), written

        def window(x, y, number):
            return x[number][None], y[number][None]

        number = tf.shape(support_x)[0]
        weights = function.initial_weights()
        problem = InnerProblem(
            initial_weights=weights,
            loss=loss_of,
            update=functools.partial(optimizer.update, settings=optimizer.read()),
            initial_slots=optimizer.init(weights),
            data_at=lambda weights, step, seed: window(support_x, support_y, step % number),
            first_order=True,
        )
        state = adaptation.loop(problem.step, problem.start(), self.passes * number)
        on_queries = dataclasses.replace(
            problem,
            data_at=lambda weights, step, seed: window(query_x[:, :-1], query_x[:, 1:], step),
        )

        def go_on(position, state, predictions):
            predicted = predict(state.weights, query_x[position][None])[0]
            state = on_queries.step(state, position)
            return position + 1, state, predictions.write(position, predicted)

        queries = tf.shape(query_x)[0]
        of_one = predict(weights, query_x[:1])[0]
        predictions = tf.TensorArray(of_one.dtype, queries, element_shape=of_one.shape)
        *_, predictions = tf.while_loop(
            lambda position, *_: position < queries,
            go_on,
            (tf.constant(0), state, predictions),
            parallel_iterations=1,
        )
        return predictions.stack()[None]
