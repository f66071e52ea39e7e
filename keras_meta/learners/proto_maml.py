"""MAML from the head that prototypes write."""

import functools

import keras
import tensorflow as tf

from keras_meta.heads.linear import dense_head, one_hot_labels, prototype_head
from keras_meta.heads.model_with_head import ModelWithHead
from keras_meta.inner_loop.functional import fold_in
from keras_meta.inner_loop.inner_weights import InnerWeights, of_model
from keras_meta.learners.maml import MAML
from keras_meta.outer_loop.graph_constant import GraphConstant, count
from keras_meta.outer_loop.model_checks import dtype_policy, embedding_size


@keras.saving.register_keras_serializable("keras_meta")
class ProtoMAML(MAML):
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

    num_ways = GraphConstant(count("num_ways", optional=True, least=2))

    def __init__(
        self,
        model,
        inner_learning_rate=None,
        inner_steps=1,
        num_ways=None,
        adapted_weights="all",
        **kwargs,
    ):
        super().__init__(
            model,
            inner_learning_rate,
            inner_steps,
            adapted_weights=adapted_weights,
            inner_weights=with_written_head(model, num_ways, adapted_weights),
            **kwargs,
        )
        self.num_ways = num_ways

    @functools.cached_property
    def functional(self):
        """The model, with the head of a task, as a function of weights and state."""
        return ModelWithHead(self.model)

    @property
    def variable_way(self):
        return self.num_ways is None

    def inner_problem(self, support_x, support_y, training=False, seed=None, parameters=None):
        """The problem of MAML, from the head that prototypes write. See `MAML`."""
        parameters = self.parameters() if parameters is None else parameters
        size = tf.shape(support_y)[0]
        features = self.functional.embed(
            support_x,
            parameters["weights"],
            training=training,
            rule=self.statistics.support(training, size),
            # As the first inner step sees the support set.
            seed=fold_in(seed, 0),
        ).predictions
        head = prototype_head(
            tf.cast(features, self.variable_dtype), one_hot_labels(support_y, self.num_ways)
        )
        weights = [*parameters["weights"][:-2], *head]
        return super().inner_problem(
            support_x, support_y, training, seed, {**parameters, "weights": weights}
        )

    def task_head(self, state):
        """The linear layer of the adapted head."""
        return dense_head(*state["weights"][-2:], self.variable_dtype)

    def weight_names(self):
        return [*super().weight_names(), "kernel", "bias"]

    def predictions_spec(self, features):
        rows = keras.tree.flatten(features)[0].shape[0]
        return keras.KerasTensor((rows, self.num_ways), self.variable_dtype)

    def get_config(self):
        return {**super().get_config(), "num_ways": self.num_ways}


def with_written_head(model, num_ways, adapted_weights):
    """The inner weights of an embedding and a head on it, the last two.

    Args:
        model: A built `keras.Model` that embeds an example.
        num_ways: int, or `None` where the number of ways varies.
        adapted_weights: See `ProtoMAML`.

    Returns:
        An `InnerWeights`.
    """
    size, number = embedding_size(model), len(model.trainable_variables)
    # There are no variables of the head: all that is known of it is its shape.
    dtype = dtype_policy(model).variable_dtype
    head = [keras.KerasTensor(shape, dtype) for shape in ((size, num_ways), (num_ways,))]
    body = of_model(model, "all" if adapted_weights in ("head", "body") else adapted_weights)
    adapts_body, adapts_head = adapted_weights != "head", adapted_weights != "body"
    adapted = body.adapted if adapts_body else []
    variables = body.variables if adapts_body else []
    layers = body.layers if adapts_body else []
    if adapts_head:
        adapted = [*adapted, number, number + 1]
        variables = [*variables, *head]
        layers = [*layers, *[max(layers, default=-1) + 1] * 2]
    of_task = sorted({*adapted, number, number + 1})
    return InnerWeights(adapted, variables, layers, of_task=of_task, model=model)
