"""Nearest class means, with predictions that all queries of a task refine together."""

import keras
import tensorflow as tf

from keras_meta.heads.linear import class_means, mask_absent_classes
from keras_meta.layers import LaplacianScores, SoftKMeansScores
from keras_meta.learners.embedding_learner import EmbeddingLearner

_REFINEMENTS = {"soft_k_means": SoftKMeansScores, "laplacian": LaplacianScores}


@keras.saving.register_keras_serializable("keras_meta")
class TransductivePrototypes(EmbeddingLearner):
    """Classifies the queries of a task together, by class means and by each other.

    In training it is `PrototypicalNetwork` with Euclidean distances, and at evaluation the scores
    of the queries are refined: by class means that move towards the queries (`SoftKMeansScores`) or
    by neighbours that agree (`LaplacianScores`). Its accuracy cannot be compared with that of
    learners that predict each query on its own. An embedding that another learner has trained is
    used by passing its model.

    Args:
        model: A built `keras.Model` that embeds an example: features `[n, ...]` to vectors
            `[n, embedding]`.
        refinement: `"soft_k_means"`, `"laplacian"`, or such a layer with other settings.
        num_ways: See `EmbeddingLearner`.
        **kwargs: The other arguments of `EmbeddingLearner`.

    Raises:
        ValueError: If the model does not output vectors, or an argument is invalid.

    Example:

    ```python
    import keras
    import keras_meta

    body = keras_meta.networks.Conv4(filters=8)
    learner = keras_meta.learners.PrototypicalNetwork(body)  # to be trained
    refinement = keras_meta.layers.LaplacianScores(strength=0.5)
    together = keras_meta.learners.TransductivePrototypes(learner.model, refinement)
    together.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    tasks = keras_meta.episodes.StrokeGlyphs(3, num_shots=1, num_queries=2, num_classes=9)
    together.evaluate(tasks.as_dataset(batch_size=4, num_batches=2), verbose=0)
    ```

    Reference:
        [Ren et al., 2018](https://arxiv.org/abs/1803.00676) (soft k-means);
        [Ziko et al., 2020](https://arxiv.org/abs/2006.15486) (Laplacian)
    """

    head_names = ("means", "counts", "bias")

    def __init__(self, model, refinement="soft_k_means", num_ways=None, **kwargs):
        super().__init__(model, num_ways, **kwargs)
        if isinstance(refinement, str):
            if refinement not in _REFINEMENTS:
                raise ValueError(
                    f"`refinement` must be one of {list(_REFINEMENTS)}, or a layer that scores "
                    f"queries. Received: refinement={refinement!r}."
                )
            self.scorer = _REFINEMENTS[refinement](dtype=self.variable_dtype)
        else:
            self.scorer = refinement
        self.refinement = refinement

    def fit_head(self, features, one_hot):
        means, present = class_means(features, one_hot)
        counts = tf.reduce_sum(tf.cast(one_hot, features.dtype), 0)
        bias = mask_absent_classes(tf.zeros_like(counts), present, never=-1e9)
        return [means, counts, bias]

    def get_config(self):
        refinement = self.refinement
        if not isinstance(refinement, str):
            refinement = keras.saving.serialize_keras_object(refinement)
        return {**super().get_config(), "refinement": refinement}
