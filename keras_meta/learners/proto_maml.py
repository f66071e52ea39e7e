"""MAML whose head is initialised from class prototypes."""

import functools

import keras
import tensorflow as tf

from keras_meta.heads.linear import one_hot_labels, prototype_head, scores_spec
from keras_meta.heads.linear_head import LinearHead
from keras_meta.inner_loop.functional import FunctionalModel, fold_in
from keras_meta.inner_loop.inner_weights import InnerWeights, of_model
from keras_meta.learners.maml import MAML
from keras_meta.outer_loop.graph_constant import GraphConstant, count
from keras_meta.outer_loop.model_checks import dtype_policy, embedding_size


@keras.saving.register_keras_serializable("keras_meta")
class ProtoMAML(MAML):
    """MAML whose linear head is initialised, in each task, from the class prototypes.

    With `f` the embedding and `c_n` the mean embedding of the support examples of class `n`,

        W_n = 2 c_n,    b_n = -|c_n|^2                   (softmax of -|f(x) - c_n|^2)
        (w, W, b)_{k+1} = (w, W, b)_k - a dL_S (w_k, W_k, b_k)
        minimise over w:  mean over tasks of  L_Q(w_K, W_K, b_K)

    The meta-gradient flows through the prototypes as well. Without inner steps, this is a
    prototypical network. The head has no meta-learned weights, so the number of ways may differ
    between batches.

    Args:
        model: A built `keras.Model` that embeds an example: features `[n, ...]` to vectors
            `[n, embedding]`.
        inner_learning_rate: See `MAML`.
        inner_steps: See `MAML`.
        num_ways: int. Number of classes of every task; classes without support examples are never
            predicted. `None` for a variable way: the ways of a task follow from its largest support
            label, predictions are padded to the most ways in the batch, and tasks are looped.
        adapted_weights: Which weights the inner steps change: `"all"`, `"head"` (only the head),
            `"body"` (only the embedding), or any other value that `MAML` accepts, which selects
            weights of the embedding to adapt in addition to the head.
        **kwargs: The other arguments of `MAML`.

    Raises:
        ValueError: If the model does not output vectors, or an argument is invalid.

    Example:

    ```python
    import keras
    import keras_meta

    tasks = keras_meta.episodes.StrokeGlyphs(num_ways=3, num_shots=1, num_queries=2, num_classes=9)
    body = keras_meta.networks.Conv4(filters=8)
    learner = keras_meta.learners.ProtoMAML(body, inner_learning_rate=0.1)
    learner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    learner.fit(tasks.as_dataset(batch_size=4), steps_per_epoch=5, verbose=0)
    more_ways = keras_meta.episodes.StrokeGlyphs(5, num_shots=2, num_queries=2, num_classes=15)
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
            inner_weights=with_prototype_head(model, num_ways, adapted_weights),
            **kwargs,
        )
        self.num_ways = num_ways

    @functools.cached_property
    def functional(self):
        """The model with a per-task head, as a function of weights and state."""
        return FunctionalModel(self.model, head=LinearHead(self.variable_dtype))

    @property
    def variable_way(self):
        return self.num_ways is None

    def inner_problem(self, support_x, support_y, training=False, seed=None, parameters=None):
        """The inner problem of MAML, starting from the prototype head. See `MAML`."""
        parameters = self.parameters() if parameters is None else parameters
        size = tf.shape(support_y)[0]
        features = self.functional(
            support_x,
            parameters["weights"],
            training=training,
            rule=self.statistics.support(training, size),
            # The same noise as in the first inner step.
            seed=fold_in(seed, 0),
            part=self.model,
        ).predictions
        head = prototype_head(
            tf.cast(features, self.variable_dtype), one_hot_labels(support_y, self.num_ways)
        )
        weights = [*parameters["weights"][:-2], *head]
        return super().inner_problem(
            support_x, support_y, training, seed, {**parameters, "weights": weights}
        )

    def predictions_spec(self, features):
        return scores_spec(features, self.num_ways, self.variable_dtype)

    def get_config(self):
        return {**super().get_config(), "num_ways": self.num_ways}


def with_prototype_head(model, num_ways, adapted_weights):
    """Returns the inner weights of an embedding and its head; `W` and `b` of the head come last.

    Args:
        model: A built `keras.Model` that embeds an example.
        num_ways: int, or `None` for a variable way.
        adapted_weights: See `ProtoMAML`.

    Returns:
        An `InnerWeights`.
    """
    size, number = embedding_size(model), len(model.trainable_variables)
    # The head has no variables; shape and dtype are all that the inner optimizer needs.
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
