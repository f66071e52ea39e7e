"""MAML from the head that prototypes write."""

import keras
import tensorflow as tf

from keras_meta.exact import second_order
from keras_meta.exact.layers import layer_numbers
from keras_meta.heads.linear import (
    ModelWithHead,
    dense_head,
    one_hot_labels,
    prototype_head,
)
from keras_meta.inner_loop.functional import FunctionalModel
from keras_meta.learners.maml import MAML
from keras_meta.outer_loop import model_checks
from keras_meta.outer_loop.open_ways import OpenWays
from keras_meta.serving.adapted_model import with_head
from keras_meta.serving.exporting import specs


@keras.saving.register_keras_serializable("keras_meta")
class ProtoMAML(OpenWays, MAML):
    """MAML whose linear head starts, in each task, from the prototypes of its classes.

    With `f` the embedding and `c_n` the mean embedding of the support examples of class `n`,

        W_n = 2 c_n,    b_n = -|c_n|^2                   (softmax of -|f(x) - c_n|^2)
        (w, W, b)_{k+1} = (w, W, b)_k - a dL_S (w_k, W_k, b_k)
        minimise over w:  mean over tasks of  L_Q(w_K, W_K, b_K)

    and the outer gradient flows through the prototypes as well. Without inner steps it is a
    prototypical network. There is no head to meta-learn, so the number of ways may differ from
    batch to batch.

    Args:
        model: A built `keras.Model` that embeds an example: features `[n, ...]` to vectors
            `[n, embedding]`.
        inner_learning_rate: See `MAML`.
        inner_steps: See `MAML`.
        num_ways: int. Number of classes of every task; those without support examples are never
            predicted. Without it there are as many as the largest support label of a task says,
            alike in all tasks of a batch, and tasks are looped.
        adapted_weights: Which weights the inner steps change: `"all"`, `"head"` (the head alone),
            `"body"` (the embedding alone), or what else `MAML` takes, of the embedding and with the
            head.
        **kwargs: The other arguments of `MAML`.

    Raises:
        ValueError: If the model gives no vectors, or an argument is invalid.

    Example:

    ```python
    import keras
    import keras_meta

    tasks = keras_meta.episodes.StrokeGlyphs(num_ways=3, num_shots=1, num_queries=2, num_classes=9)
    body = keras_meta.networks.Conv4(filters=8)
    learner = keras_meta.learners.ProtoMAML(body, inner_learning_rate=0.1)
    learner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    learner.fit(tasks.as_dataset(batch_size=4), steps_per_epoch=5, verbose=0)
    more_ways = keras_meta.episodes.StrokeGlyphs(num_ways=5, num_shots=2, num_queries=2)
    learner.evaluate(more_ways.as_dataset(batch_size=4, num_batches=2), verbose=0)
    ```

    Reference:
        [Triantafillou et al., 2020](https://arxiv.org/abs/1903.03096)
    """

    functional_model = ModelWithHead

    def __init__(
        self,
        model,
        inner_learning_rate=None,
        inner_steps=1,
        num_ways=None,
        adapted_weights="all",
        **kwargs,
    ):
        self.num_ways = num_ways  # what adapts, and so `MAML`, depends on it
        super().__init__(
            model, inner_learning_rate, inner_steps, adapted_weights=adapted_weights, **kwargs
        )
        self.task_indices = sorted({*self.adapted_indices, *self._head_indices()})

    def weight_names(self):
        return [*super().weight_names(), "kernel", "bias"]

    def second_order_problems(self, features_spec):
        return second_order.problems(FunctionalModel(self.model), features_spec)

    def _inner_problem(self, support_x, support_y, training, seed, first_order=None, initial=None):
        """That of MAML, from the embedding's weights and the head that they write."""
        initial = self._initial() if initial is None else initial
        features = self.functional.embed(
            support_x,
            initial,
            training=training,
            statistics=self._support_statistics(training),
            # As the first inner step sees the support set.
            seed=None if seed is None else tf.random.experimental.stateless_fold_in(seed, 0),
        ).predictions
        head = prototype_head(
            tf.cast(features, self.variable_dtype), one_hot_labels(support_y, self.num_ways)
        )
        return super()._inner_problem(
            support_x, support_y, training, seed, first_order, [*initial[:-2], *head]
        )

    def _select_weights(self):
        head = self._head_indices()
        if self.adapted_weights == "head":
            return head
        if self.adapted_weights == "body":
            return list(range(head[0]))
        return [*super()._select_weights(), *head]

    def _head_indices(self):
        """Positions of `W` and `b` among the weights of model and head."""
        count = len(self.functional.trainable_variables)
        return [count, count + 1]

    def _adapted_variables(self):
        head = self._head_indices()
        variables = [
            self.functional.trainable_variables[i] for i in self.adapted_indices if i < head[0]
        ]
        numbers = layer_numbers(self.model, variables)
        if head[0] in self.adapted_indices:
            # There are no variables of the head: all that is known of it is its shape.
            size = model_checks.embedding_size(self.model)
            shapes = (size, self.num_ways), (self.num_ways,)
            variables += [keras.KerasTensor(shape, self.variable_dtype) for shape in shapes]
            numbers += [max(numbers, default=-1) + 1] * 2
        return variables, numbers

    def _task_model(self, state):
        *body, kernel, bias = state["weights"]
        model = super()._task_model({**state, "weights": body})
        head = dense_head(kernel, bias, self.variable_dtype)
        features = specs(self.episode_spec, leading_axes=1)["support_x"]
        return with_head(model, head, features, self.model.name)
