"""Nearest class means in a learned embedding."""

import keras

from keras_meta.heads import linear
from keras_meta.layers import CosineScores
from keras_meta.learners.embedding_learner import EmbeddingLearner
from keras_meta.outer_loop.graph_constant import GraphConstant, one_of


@keras.saving.register_keras_serializable("keras_meta")
class PrototypicalNetwork(EmbeddingLearner):
    """Learns an embedding in which the examples of a class cluster around their mean.

    With `c_n` the mean of the embedded support examples of class `n`,

        p(y = n | x) = softmax_n(-|f(x) - c_n|^2)         "euclidean"
        p(y = n | x) = softmax_n(t cos(f(x), c_n))        "cosine", t learned

    Predictions are logits. The Euclidean ones omit `|f(x)|^2`, which is the same for all classes:
    `2 c_n f(x) - |c_n|^2`. Ways and shots may differ between training and test, and between tasks.

    Args:
        model: A built `keras.Model` that embeds an example: features `[n, ...]` to vectors
            `[n, embedding]`.
        distance: `"euclidean"` or `"cosine"`.
        num_ways: See `EmbeddingLearner`.
        batch_norm: See `EmbeddingLearner`.
        task_map: See `MetaLearner`.
        seed: See `MetaLearner`.
        name: Optional name.

    Raises:
        ValueError: If the model does not output vectors, or an argument is invalid.

    Example:

    ```python
    import keras
    import keras_meta

    tasks = keras_meta.episodes.StrokeGlyphs(num_ways=3, num_shots=1, num_queries=2, num_classes=9)
    body = keras_meta.networks.Conv4(filters=8)
    learner = keras_meta.learners.PrototypicalNetwork(body)
    learner.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    learner.fit(tasks.as_dataset(batch_size=4), steps_per_epoch=5, verbose=0)
    more_ways = keras_meta.episodes.StrokeGlyphs(5, num_shots=2, num_queries=2, num_classes=15)
    learner.evaluate(more_ways.as_dataset(batch_size=4, num_batches=2), verbose=0)
    ```

    Reference:
        [Snell et al., 2017](https://arxiv.org/abs/1703.05175)
    """

    distance = GraphConstant(one_of("distance", ("euclidean", "cosine")))

    def __init__(self, model, distance="euclidean", num_ways=None, **kwargs):
        super().__init__(model, num_ways, **kwargs)
        self.distance = distance
        if self.distance == "cosine":
            # Cosines are at most 1: without a larger scale no class can get a probability near 1.
            self.scale = self.add_weight(name="scale", initializer=keras.initializers.Constant(10))
            self.scorer = CosineScores(dtype=self.variable_dtype)

    def fit_head(self, features, one_hot):
        if self.distance == "euclidean":
            return linear.prototype_head(features, one_hot)
        return linear.cosine_head(features, one_hot, self.scale)

    def get_config(self):
        return {**super().get_config(), "distance": self.distance}
