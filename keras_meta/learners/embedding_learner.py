"""What learners share that embed examples and write a head in one pass."""

import keras
import tensorflow as tf

from keras_meta.heads.linear import dense_head, one_hot_labels
from keras_meta.inner_loop.functional import FunctionalModel
from keras_meta.layers import TaskHead
from keras_meta.outer_loop import model_checks
from keras_meta.outer_loop.meta_learner import MetaLearner
from keras_meta.outer_loop.open_ways import OpenWays
from keras_meta.serving.adapted_model import AdaptedModel, clone, with_head
from keras_meta.serving.exporting import specs


class EmbeddingLearner(OpenWays, MetaLearner):
    """A learner that embeds the support set and writes a head on the embedding.

    With an embedding `f`, for a task with support set `S = {(x_i, y_i)}`,

        head = fit_head({(f(x_i), y_i)})
        predictions = score(f(x), head)

    Learning a task takes one pass over its examples. Subclasses define `fit_head`; where the head
    is not linear, they create in `create_weights` the layer `scorer` that applies it, and whatever
    else they learn besides the embedding.

    Args:
        model: A built `keras.Model` that embeds an example: features `[n, ...]` to vectors
            `[n, embedding]`.
        num_ways: int. Number of classes of every task; those without support examples are never
            predicted. Without it there are as many as the largest support label of a task says,
            alike in all tasks of a batch, and tasks are looped.
        batch_norm: Statistics by which batch normalisation normalises. `"transductive"`: the
            support set by its own, the queries of a task by theirs. `"support"`: both by those of
            the support set. `"running"`: the stored ones. While fitting, as anywhere in Keras, it
            is those of the examples at hand, here all of a task, support and queries together,
            which also move the stored ones.
        task_map: See `MetaLearner`.
        seed: See `MetaLearner`.
        name: Optional name.

    Attributes:
        head_names: Tuple of strs. What the tensors of a head are called when exported.
        scorer: `keras.layers.Layer` that returns logits `[query, ways]` when called with
            `[features, *head]`, or `None` where the head is linear.

    Raises:
        ValueError: If the model gives no vectors, or an argument is invalid.
    """

    head_names = ("kernel", "bias")
    scorer = None

    def __init__(
        self,
        model,
        num_ways=None,
        batch_norm="transductive",
        task_map="auto",
        seed=0,
        name=None,
        dtype=None,
    ):
        self.num_ways = num_ways
        super().__init__(model, None, batch_norm, task_map, seed, name, dtype)
        self.embedding_shape = self.check_embedding(model)
        self.create_weights()
        # Embedding and head are a function of one set of weights and statistics.
        self.functional = FunctionalModel(self)

    # What a subclass defines.

    def check_embedding(self, model):
        """Returns the shape of an embedded example, or raises if it is not a vector."""
        return (model_checks.embedding_size(model),)

    def create_weights(self):
        """Creates what is learned besides the embedding."""

    def add_log_weight(self, name, initial):
        """Returns a learned scalar, the logarithm of a positive number that is `initial` at first.

        An outer step changes that number by a part of itself.
        """
        weight = self.add_weight(name=name, shape=(), initializer="zeros")
        # Assigned, because a constant initializer would round to float32 in a float64 model.
        weight.assign(tf.math.log(tf.constant(initial, weight.dtype)))
        return weight

    def targets(self, support_y):
        """What the head is learned from, `[support, outputs]`. By default one-hot labels."""
        return tf.cast(one_hot_labels(support_y, self.num_ways), self.variable_dtype)

    def fit_head(self, features, one_hot):
        """Learns a task from its embedded support set.

        Args:
            features: Tensor `[support, embedding]`.
            one_hot: What `targets` returns: `[support, ways]`, 1 where an example is of a class,
                else 0.

        Returns:
            List of tensors, the head; for a linear one `[W, b]`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `fit_head`.")

    # What follows from that.

    def score(self, features, head, training=False):
        """Logits `[query, ways]` of embedded queries: `f W + b`, or what the scorer says."""
        if self.scorer is not None:
            return self.scorer([features, *head], training=training)
        kernel, bias = head
        return tf.matmul(features, kernel) + bias

    def head_layer(self, head):
        """Returns a Keras layer that does what `score` does with this head."""
        if self.scorer is None:
            return dense_head(*head, self.variable_dtype)
        layer = TaskHead(clone(self.scorer), [tuple(x.shape) for x in head], name="head")
        layer.set_head(head)
        return layer

    def weight_names(self):
        return list(self.head_names)

    def embed(self, x):
        """Embeds examples as at evaluation: features `[n, ...]` to vectors `[n, embedding]`."""
        statistics = "stored" if self.batch_norm == "running" else "batch"
        return self._run(self._features, x, statistics=statistics).predictions

    def learn_embedded(self, support_features, support_y, query_features):
        """Learns and predicts a task of embedded examples, as at evaluation.

        Args:
            support_features: Tensor `[support, embedding]`, from `embed`.
            support_y: Labels `[support, ...]`.
            query_features: Tensor `[query, embedding]`, from `embed`.

        Returns:
            Logits `[query, ways]`.
        """
        head = self.fit_head(support_features, self.targets(support_y))
        # The scorer may normalise, by stored statistics.
        return self._run(
            lambda features, training: self.score(features, head, training),
            query_features,
            statistics="stored",
        ).predictions

    def adapt_task(self, support_x, support_y, training=False, seed=None):
        """Embeds the support set and writes the head."""
        return self._adapt(support_x, support_y, training, seed)[0]

    def predict_task(self, state, query_x, training=False, seed=None):
        """Embeds the queries and applies the head."""

        def predict(x, training):
            return self.score(self._features(x, training), state["head"], training)

        return self._run(
            predict, query_x, state["statistics"], training, self._query_statistics, _fold(seed, 1)
        )

    def adapted_model(self, state):
        """The embedding with the head of one task."""
        model = clone(self.model)
        twins = dict(zip(map(id, self.model.variables), model.variables, strict=True))
        for index, value in state["statistics"].items():
            twins[id(self.functional.state_variables[index])].assign(value)
        features = specs(self.episode_spec, leading_axes=1)["support_x"]
        model = with_head(model, self.head_layer(state["head"]), features, self.model.name)
        if self.batch_norm == "transductive" and self.functional.batch_normalizations:
            return AdaptedModel(model)
        return model

    # Parts.

    def _features(self, x, training=False):
        return tf.cast(self.model(x, training=training), self.variable_dtype)

    def _run(self, part, x, state=None, training=False, statistics="batch", seed=None):
        """One pass of a part of the learner. See `FunctionalModel`."""
        weights = self.functional.initial_weights()
        return self.functional(x, weights, state, training, statistics, seed, part)

    @property
    def _query_statistics(self):
        return "batch" if self.batch_norm == "transductive" else "stored"

    def _adapt(self, support_x, support_y, training=False, seed=None):
        """The state of a task, and the output of embedding its support set."""
        statistics = "stored" if self.batch_norm == "running" else "batch"
        embedded = self._run(self._features, support_x, None, training, statistics, _fold(seed, 0))
        head = self.fit_head(embedded.predictions, self.targets(support_y))
        kept = embedded.state if self.batch_norm == "support" else {}
        return {"head": list(head), "statistics": kept}, embedded

    def _learn_task(self, inputs, index, training):
        seed = self._noise_seed(index, training)
        if training and self.batch_norm == "running":
            return self._learn_together(inputs, seed)
        state, embedded = self._adapt(inputs["support_x"], inputs["support_y"], training, seed)
        output = self.predict_task(state, inputs["query_x"], training, seed)
        # What the embedding of the support set loses counts as that of the queries.
        return output._replace(losses=embedded.losses + output.losses)

    def _learn_together(self, inputs, seed):
        """Support set and queries in one pass, normalised together by their own statistics."""
        support_y = inputs["support_y"]

        def learn(examples, training):
            features = self._features(examples, training)
            count = tf.shape(support_y)[0]
            head = self.fit_head(features[:count], self.targets(support_y))
            return self.score(features[count:], head, training)

        examples = keras.tree.map_structure(
            lambda *x: tf.concat(x, 0), inputs["support_x"], inputs["query_x"]
        )
        return self._run(learn, examples, None, True, "batch", seed)

    def get_config(self):
        config = super().get_config()
        del config["inner_loss"]  # there is none
        return config


def _fold(seed, data):
    return None if seed is None else tf.random.experimental.stateless_fold_in(seed, data)
