"""A learned comparison with class means in a learned embedding."""

import keras
import tensorflow as tf

from keras_meta.exact.normalization import batch_normalizations
from keras_meta.heads.linear import class_means, mask_absent_classes
from keras_meta.layers import RelationScores
from keras_meta.learners.embedding_learner import EmbeddingLearner
from keras_meta.outer_loop import model_checks


@keras.saving.register_keras_serializable("keras_meta")
class RelationNetwork(EmbeddingLearner):
    """Learns an embedding, and a network that scores how well a query matches a class.

    With `c_n` the mean of the embedded support examples of class `n` and a relation module `g`,

        s_n = g([c_n, f(x)])

    Predictions are the logits `s_n`. Compile with cross-entropy of logits, or, as the paper does,
    with squared errors of `sigmoid(s_n)`: `keras_meta.losses.SparseSigmoidSquaredError`.

    Args:
        model: A built `keras.Model` that embeds an example: features `[n, ...]` to vectors
            `[n, embedding]` or feature maps `[n, height, width, channels]`.
        relation: A built `keras.Model` that maps pairs, concatenated along the last axis, to
            `[n, 1]`: its input is `[n, 2 embedding]` or `[n, height, width, 2 channels]`. Defaults
            to a network with one hidden layer of 64 units.
        num_ways: See `EmbeddingLearner`.
        batch_norm: See `EmbeddingLearner`. The relation module is run on all pairs of a query and a
            class, but not on the support set: `"support"` is therefore not available if it contains
            batch normalisation.
        task_map: See `MetaLearner`.
        seed: See `MetaLearner`.
        name: Optional name.

    Raises:
        ValueError: If the models do not fit together, or an argument is invalid.

    Example:

    ```python
    import keras
    import keras_meta

    tasks = keras_meta.episodes.StrokeGlyphs(num_ways=3, num_shots=1, num_queries=2, num_classes=9)
    body = keras_meta.networks.Conv4(filters=8)
    learner = keras_meta.learners.RelationNetwork(body)
    learner.compile("adam", keras_meta.losses.SparseSigmoidSquaredError(), metrics=["accuracy"])
    learner.fit(tasks.as_dataset(batch_size=2), steps_per_epoch=2, verbose=0)
    ```

    Reference:
        [Sung et al., 2018](https://arxiv.org/abs/1711.06025)
    """

    head_names = ("prototypes", "bias")

    def __init__(self, model, relation=None, num_ways=None, **kwargs):
        super().__init__(model, num_ways, embedding_shape=model_checks.embedding_shape, **kwargs)
        *positions, channels = self.embedding_shape
        pair = (*positions, 2 * channels)
        self.relation = self._default_relation(pair) if relation is None else relation
        self._check_relation(pair)
        self.scorer = RelationScores(self.relation, dtype=self.variable_dtype)

    def fit_head(self, features, one_hot):
        rows = tf.reshape(features, [tf.shape(features)[0], -1])
        means, present = class_means(rows, one_hot)
        prototypes = tf.reshape(tf.transpose(means), [-1, *self.embedding_shape])
        return [prototypes, mask_absent_classes(tf.zeros_like(means[0]), present)]

    @property
    def mapped_models(self):
        return [self.model, self.relation]

    def _default_relation(self, pair):
        layers, dtype = keras.layers, self.variable_dtype
        return keras.Sequential(
            [
                keras.Input(pair, dtype=dtype),
                *([layers.Flatten(dtype=dtype)] if len(pair) > 1 else []),
                layers.Dense(64, "relu", dtype=dtype),
                layers.Dense(1, dtype=dtype),
            ],
            name="relation",
        )

    def _check_relation(self, pair):
        model_checks.check_model(self.relation)
        takes, gives = self.relation.input_shape, self.relation.output_shape
        if (takes, gives) != ((None, *pair), (None, 1)):
            raise ValueError(
                f"`relation` must map pairs of shape {(None, *pair)} to {(None, 1)}, for an "
                f"embedding of shape {self.embedding_shape}. Received: a model from {takes} to "
                f"{gives}."
            )
        if self.statistics.needs_support_pass and batch_normalizations(self.relation):
            raise ValueError(
                "A relation module with batch normalisation has no statistics of the support set, "
                "because it only runs on queries. Use batch_norm='transductive' or 'running'. "
                f"Received: batch_norm={self.batch_norm!r}."
            )

    def get_config(self):
        relation = keras.saving.serialize_keras_object(self.relation)
        return {**super().get_config(), "relation": relation}
