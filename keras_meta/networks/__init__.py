"""Reference networks of the papers, and `embedding`, which removes the head of a network."""

from keras_meta.networks.conv4 import Conv4 as Conv4
from keras_meta.networks.embedding import embedding as embedding
from keras_meta.networks.gaussian_policy import gaussian_policy as gaussian_policy
from keras_meta.networks.sinusoid_mlp import SinusoidMLP as SinusoidMLP
from keras_meta.networks.with_context import with_context as with_context
