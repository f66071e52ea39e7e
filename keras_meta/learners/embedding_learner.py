"""Base class of learners that embed the support set and fit a head in one pass."""

import functools

import keras
import tensorflow as tf

from keras_meta.heads.linear import one_hot_labels, scores_spec
from keras_meta.inner_loop import rules
from keras_meta.inner_loop.functional import FunctionalModel, fold_in
from keras_meta.inner_loop.shared_weights import SharedWeights
from keras_meta.outer_loop import model_checks
from keras_meta.outer_loop.graph_constant import GraphConstant, count
from keras_meta.outer_loop.meta_learner import MetaLearner
from keras_meta.serving import adapted_model


class EmbeddingLearner(MetaLearner):
    """A learner that embeds the support set and fits a head on the embedding.

    With an embedding `f`, for a task with support set `S = {(x_i, y_i)}`,

        head = fit_head({(f(x_i), y_i)})
        predictions = score(f(x), head)

    Learning a task takes one pass over its examples. Subclasses define `fit_head`; if the head is
    not linear, they also set `scorer`, a layer that applies it.

    Args:
        model: A built `keras.Model` that embeds an example: features `[n, ...]` to vectors
            `[n, embedding]`.
        num_ways: int. Number of classes of every task; classes without support examples are never
            predicted. `None` for a variable way: the ways of a task follow from its largest support
            label, predictions are padded to the most ways in the batch, and tasks are looped.
        batch_norm: Statistics that batch normalisation uses. `"transductive"`: the support set is
            normalised by its own statistics, the queries of a task by theirs. `"support"`: both by
            those of the support set. `"running"`: both by the stored statistics; during `fit`, as
            usual in Keras, by the statistics of the current examples instead (support set and
            queries of a task together), which also update the stored ones.
        task_map: See `MetaLearner`.
        seed: See `MetaLearner`.
        name: Optional name.
        embedding_shape: Callable, `model` to the shape of an embedded example, which raises if the
            learner cannot use it. By default, only vectors are accepted.

    Attributes:
        head_names: Tuple of strs. Names under which the tensors of a head are exported.
        scorer: `keras.layers.Layer` that returns logits `[query, ways]` when called with
            `[features, *head]`, or `None` if the head is linear.
        num_values: int. Number of regression targets, or `None` for a learner of classes.
        task_weights: The weights that embed the examples of a task: `SharedWeights`, or an object
            with the same methods.

    Raises:
        ValueError: If the model does not output vectors, or an argument is invalid.
    """

    head_names = ("kernel", "bias")
    scorer = None
    num_values = None
    task_weights = SharedWeights()
    num_ways = GraphConstant(count("num_ways", optional=True, least=2))

    def __init__(
        self,
        model,
        num_ways=None,
        batch_norm="transductive",
        task_map="auto",
        seed=0,
        name=None,
        dtype=None,
        embedding_shape=model_checks.vector_shape,
    ):
        super().__init__(model, None, batch_norm, task_map, seed, name, dtype)
        self.num_ways = num_ways
        self.embedding_shape = embedding_shape(model)

    @functools.cached_property
    def functional(self):
        """Embedding and head as a function of one set of weights and statistics."""
        return FunctionalModel(self)

    # To be defined by subclasses.

    def fit_head(self, features, one_hot):
        """Learns a task from its embedded support set.

        Args:
            features: Tensor `[support, embedding]`.
            one_hot: One-hot labels `[support, ways]`, as `targets` returns them.

        Returns:
            List of tensors, the head; `[W, b]` if it is linear.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `fit_head`.")

    def targets(self, support_y):
        """Returns the targets of the head, `[support, outputs]`: values or one-hot labels."""
        if self.num_values is not None:
            return tf.cast(tf.reshape(support_y, [-1, self.num_values]), self.variable_dtype)
        return tf.cast(one_hot_labels(support_y, self.num_ways), self.variable_dtype)

    def add_log_weight(self, name, initial):
        """Returns a trainable scalar: the logarithm of a positive number, initially `initial`.

        Learning the logarithm keeps the number positive and makes its changes relative.
        """
        weight = self.add_weight(name=name, shape=(), initializer="zeros")
        # Assigned, because a constant initializer would round to float32 in a float64 model.
        weight.assign(tf.math.log(tf.constant(initial, weight.dtype)))
        return weight

    # Derived from the above.

    @property
    def num_outputs(self):
        """Number of outputs, an int; `None` if it varies with the number of classes of a task."""
        return self.num_ways if self.num_values is None else self.num_values

    @property
    def variable_way(self):
        return self.num_outputs is None

    def predictions_spec(self, features):
        return scores_spec(features, self.num_outputs, self.variable_dtype)

    def score(self, features, head, training=False):
        """Logits `[query, ways]` of embedded queries: `f W + b`, or the output of the scorer."""
        if self.scorer is not None:
            return self.scorer([features, *head], training=training)
        kernel, bias = head
        return tf.matmul(features, kernel) + bias

    def head_layer(self, head):
        """Returns a Keras layer that applies this head as `score` does."""
        return adapted_model.head_layer(self.scorer, head, self.variable_dtype)

    def weight_names(self):
        return list(self.head_names)

    def embed(self, x):
        """Embeds examples as at evaluation: features `[n, ...]` to vectors `[n, embedding]`.

        Raises:
            TypeError: If a task embeds them with weights of its own.
        """
        self.task_weights.check_shared(self)
        size = tf.shape(keras.tree.flatten(x)[0])[0]
        return self.run(self.features, x, self.statistics.support(False, size)).predictions

    def learn_embedded(self, support_features, support_y, query_features):
        """Learns a task from embedded examples and predicts its queries, as at evaluation.

        Args:
            support_features: Tensor `[support, embedding]`, from `embed`.
            support_y: Labels `[support, ...]`.
            query_features: Tensor `[query, embedding]`, from `embed`.

        Returns:
            Logits `[query, ways]`.
        """
        head = self.fit_head(support_features, self.targets(support_y))
        # The scorer may contain batch normalisation, which uses its stored statistics here.
        return self.run(
            lambda features, training: self.score(features, head, training),
            query_features,
            rules.stored,
        ).predictions

    def adapt_task(self, support_x, support_y, training=False, seed=None):
        """Embeds the support set and fits the head."""
        return self.adapt_and_embed(support_x, support_y, training, seed)[0]

    def predict_task(self, state, query_x, training=False, seed=None):
        """Embeds the queries and applies the head."""

        def predict(x, training):
            return self.score(self.features(x, training), state["head"], training)

        weights = self.task_weights.weights(self, state)
        rule, statistics = self.statistics.queries(state, training), state["statistics"]
        return self.run(predict, query_x, rule, statistics, training, fold_in(seed, 1), weights)

    def adapted_model(self, state):
        """The embedding with the head of one task."""
        values = self.task_weights.values(state)
        return self.model_of_task(state, values, self.head_layer(state["head"]))

    def learn_episode(self, inputs, training, seed):
        """Adapts to the support set and predicts the queries. See `EpisodicModel`."""
        support_x, support_y = inputs["support_x"], inputs["support_y"]
        if training and self.statistics.joins_queries:
            return self.learn_together(support_x, support_y, inputs["query_x"], seed)
        state, embedded = self.adapt_and_embed(support_x, support_y, training, seed)
        output = self.predict_task(state, inputs["query_x"], training, seed)
        # Losses that layers add in the pass over the support set count as well.
        return output._replace(losses=embedded.losses + output.losses)

    # Parts.

    def features(self, x, training=False):
        """Embeds examples: a tensor `[n, embedding]`."""
        return tf.cast(self.model(x, training=training), self.variable_dtype)

    def run(self, part, x, rule, state=None, training=False, seed=None, weights=None):
        """Runs a part of the learner, in one pass. See `FunctionalModel`.

        Args:
            weights: List of tensors in the order of `functional.trainable_variables`, where a task
                has weights of its own. Defaults to those of the learner.
        """
        weights = self.functional.initial_weights() if weights is None else weights
        return self.functional(x, weights, state, training, rule, seed, part)

    def adapt_and_embed(self, support_x, support_y, training=False, seed=None):
        """Returns the state of a task, and the `ModelOutput` of embedding its support set."""
        size = tf.shape(support_y)[0]
        rule, noise = self.statistics.support(training, size), fold_in(seed, 0)
        own, losses = self.task_weights.read(self, support_x, support_y, rule, training, seed)
        weights = self.task_weights.weights(self, own)
        embedded = self.run(self.features, support_x, rule, None, training, noise, weights)
        head = self.fit_head(embedded.predictions, self.targets(support_y))
        kept = self.statistics.keep(
            self.functional, {}, lambda: embedded.state, size, training=training
        )
        state = {"head": list(head), **kept, **own}
        return state, embedded._replace(losses=losses + embedded.losses)

    def learn_together(self, support_x, support_y, query_x, seed):
        """Embeds support set and queries in one pass, normalised by their joint statistics."""

        def learn(examples, training):
            features = self.features(examples, training)
            count = tf.shape(support_y)[0]
            head = self.fit_head(features[:count], self.targets(support_y))
            return self.score(features[count:], head, training)

        examples = keras.tree.map_structure(lambda *x: tf.concat(x, 0), support_x, query_x)
        # A support set is read as at evaluation; the pass over all examples moves the statistics.
        own, losses = self.task_weights.read(self, support_x, support_y, rules.stored, True, seed)
        weights = self.task_weights.weights(self, own)
        output = self.run(learn, examples, rules.batch, None, True, seed, weights)
        return output._replace(losses=losses + output.losses)

    def get_config(self):
        config = super().get_config()
        del config["inner_loss"]  # there is none
        return {**config, "num_ways": self.num_ways}
