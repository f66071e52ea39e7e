"""Layers made for meta-learning."""

from keras_meta.layers.context import Context as Context
from keras_meta.layers.context import ContextFiLM as ContextFiLM
from keras_meta.layers.cosine_scores import CosineScores as CosineScores
from keras_meta.layers.written_head import WrittenHead as WrittenHead
