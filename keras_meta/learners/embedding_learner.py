"""What learners share that embed examples and write a head in one pass."""

import tensorflow as tf

from keras_meta.inner_loop.functional import FunctionalModel
from keras_meta.inner_loop.linear_head import class_indicators, dense_head
from keras_meta.learners import model_checks
from keras_meta.learners.adapted_model import AdaptedModel, clone, with_head
from keras_meta.learners.exporting import specs
from keras_meta.learners.meta_learner import MetaLearner
from keras_meta.learners.open_ways import OpenWays


class EmbeddingLearner(OpenWays, MetaLearner):
    """A learner that embeds the support set and writes a head on the embedding.

    With an embedding `f`, for a task with support set `S = {(x_i, y_i)}`,

        head = write_head({(f(x_i), y_i)})
        predictions = score(f(x), head)

    Learning a task takes one pass, without inner steps. Subclasses define `write_head`, and, unless
    their head is linear, `score` and `head_layer`. What they learn besides the embedding they
    create in `create_weights`.

    Args:
        model: A built `keras.Model` that embeds an example: features `[n, ...]` to vectors
            `[n, embedding]`.
        num_ways: int. Number of classes of every task; those without support examples are never
            predicted. Without it there are as many as the largest support label of a task says,
            alike in all tasks of a batch, and tasks are looped.
        batch_norm: See `MetaLearner`. The support set is normalised by its own statistics, or by
            the stored ones if `"running"`.
        task_map: See `MetaLearner`.
        seed: See `MetaLearner`.
        name: Optional name.

    Raises:
        ValueError: If the model gives no vectors, or an argument is invalid.
    """

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
        self.embedding_size = model_checks.embedding_size(model)
        self.create_weights()
        # Embedding and head are a function of one set of weights and statistics.
        self.functional = FunctionalModel(self)

    # What a subclass defines.

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
        """What the head is learned from, `[support, outputs]`. By default class indicators."""
        return tf.cast(class_indicators(support_y, self.num_ways), self.variable_dtype)

    def write_head(self, features, indicators):
        """Learns a task from its embedded support set.

        Args:
            features: Tensor `[support, embedding]`.
            indicators: What `targets` returns: `[support, ways]`, 1 where an example is of a class,
                else 0.

        Returns:
            List of tensors, the head; for a linear one `[W, b]`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `write_head`.")

    def score(self, features, head):
        """Logits `[query, ways]` of embedded queries. By default `f W + b`."""
        kernel, bias = head
        return tf.matmul(features, kernel) + bias

    def head_layer(self, head):
        """Returns a Keras layer that does what `score` does with this head."""
        return dense_head(*head, self.variable_dtype)

    # What follows from that.

    def embed(self, x, state=None, training=False, statistics="batch", seed=None):
        """Embeds examples.

        Args:
            x: Features `[n, ...]`.
            state: See `FunctionalModel`.
            training: bool. Whether dropout is active.
            statistics: See `FunctionalModel`.
            seed: int tensor `[2]`, or `None`.

        Returns:
            A `ModelOutput` with vectors `[n, embedding]`.
        """
        output = self.functional(
            x,
            self.functional.initial_weights(),
            state,
            training=training,
            statistics=statistics,
            seed=seed,
            part=self.model,
        )
        return output._replace(predictions=tf.cast(output.predictions, self.variable_dtype))

    def adapt_task(self, support_x, support_y, training=False, seed=None):
        """Embeds the support set and writes the head."""
        return self._adapt(support_x, support_y, training, seed)[0]

    def predict_task(self, state, query_x, training=False, seed=None):
        """Embeds the queries and applies the head."""
        embedded = self.embed_queries(state, query_x, training, seed)
        return embedded._replace(predictions=self.score(embedded.predictions, state["head"]))

    def embed_queries(self, state, query_x, training=False, seed=None):
        """Embeds the queries of a task, by the statistics that belong to it."""
        statistics = {"transductive": "batch", "support": "stored", "running": "stored"}
        if training:
            statistics["running"] = "observe"
        return self.embed(
            query_x, state["statistics"], training, statistics[self.batch_norm], _fold(seed, 1)
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

    def _adapt(self, support_x, support_y, training=False, seed=None):
        """The state of a task, and the output of embedding its support set."""
        observe = "observe" if training else "stored"
        embedded = self.embed(
            support_x,
            training=training,
            statistics=observe if self.batch_norm == "running" else "batch",
            seed=_fold(seed, 0),
        )
        head = self.write_head(embedded.predictions, self.targets(support_y))
        kept = embedded.state if self.batch_norm == "support" else {}
        return {"head": head, "statistics": kept}, embedded

    def _learn_task(self, inputs, index, training):
        seed = self._noise_seed(index, training)
        state, embedded = self._adapt(inputs["support_x"], inputs["support_y"], training, seed)
        output = self.predict_task(state, inputs["query_x"], training, seed)
        # What the embedding of the support set observes and loses counts as that of the queries.
        return output._replace(
            state={**embedded.state, **output.state}, losses=embedded.losses + output.losses
        )

    def get_config(self):
        config = super().get_config()
        del config["inner_loss"]  # there is none
        return config


def _fold(seed, data):
    return None if seed is None else tf.random.experimental.stateless_fold_in(seed, data)
