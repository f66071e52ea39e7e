"""The reference networks of the papers."""

from keras_meta.networks.conv4 import Conv4 as Conv4
from keras_meta.networks.embedding import embedding as embedding
from keras_meta.networks.sinusoid_mlp import SinusoidMLP as SinusoidMLP
