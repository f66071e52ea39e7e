"""Reference networks of the papers, small models of text, and tools to change and use them."""

from keras_meta.networks.causal_conv_net import CausalConvNet as CausalConvNet
from keras_meta.networks.causal_transformer import CausalTransformer as CausalTransformer
from keras_meta.networks.character_gru import CharacterGRU as CharacterGRU
from keras_meta.networks.conv4 import Conv4 as Conv4
from keras_meta.networks.draw_text import draw_text as draw_text
from keras_meta.networks.embedding import embedding as embedding
from keras_meta.networks.gaussian_policy import gaussian_policy as gaussian_policy
from keras_meta.networks.resnet12 import ResNet12 as ResNet12
from keras_meta.networks.sinusoid_mlp import SinusoidMLP as SinusoidMLP
from keras_meta.networks.table_features import table_features as table_features
from keras_meta.networks.table_network import table_network as table_network
from keras_meta.networks.table_transformer import TableTransformer as TableTransformer
from keras_meta.networks.text_embedding import text_embedding as text_embedding
from keras_meta.networks.wide_resnet import WideResNet as WideResNet
from keras_meta.networks.with_context import with_context as with_context
