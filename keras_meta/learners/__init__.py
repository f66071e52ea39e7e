"""The learners: Keras models to compile and fit."""

from keras_meta import registry
from keras_meta.learners.embedding_learner import EmbeddingLearner as EmbeddingLearner
from keras_meta.outer_loop.meta_learner import MetaLearner as MetaLearner
from keras_meta.serving.adapted_model import AdaptedModel as AdaptedModel

_members = {
    row.class_name: row.resolve()
    for kind in ("learner", "policy")
    for row in registry.of_kind(kind)
}
globals().update(_members)

__all__ = ["AdaptedModel", "EmbeddingLearner", "MetaLearner", *_members]
