"""Layers made for meta-learning."""

from keras_meta.layers.context import Context as Context
from keras_meta.layers.context import ContextFiLM as ContextFiLM
